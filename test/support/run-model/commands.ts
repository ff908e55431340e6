/** What may be done to the runs of one id, made up at random: plain data. What is meant by it is in `acts.ts`. */
import fc from 'fast-check';
import type { Fate, Script } from './model.js';
import { PLANS, STEPS } from './plans.js';

export interface Start {
  readonly do: 'start';
  readonly plan: string;
  readonly script: Script;
  readonly conflict: 'fail' | 'use_existing' | 'terminate_existing';
}

/** `back`: 0 is the newest run of the id, 1 the one before it. */
export interface Signal {
  readonly do: 'signal';
  readonly name: string;
  readonly id?: string;
  readonly back: number;
}
export interface Control {
  readonly do: 'cancel' | 'pause' | 'resume' | 'retry';
  readonly back: number;
}
/** Of the executions that hold, the `nth`; with `dies` its worker dies within so many moments of it. */
export interface Release {
  readonly do: 'release';
  readonly nth: number;
  readonly fate: Released;
  readonly dies?: number;
  readonly back: number;
}
type Released = 'ok' | 'fail';
export interface Pass {
  readonly do: 'pass';
  readonly ticks: number;
}
/** Of the worker. */
export interface Life {
  readonly do: 'crash' | 'restart';
}
export type Command = Start | Signal | Control | Release | Pass | Life;

/** Commands that are given one after the other; those of one move are given at once. */
export interface Sequence {
  readonly first: Start;
  readonly moves: readonly (readonly Command[])[];
}

// ------------------------------------------------------------------------------------------------ at random

const oneOf = fc.constantFrom;

const fates = fc.array(oneOf<Fate>('hold', 'hold', 'hold', 'ok', 'fail', 'fail', 'refuse'), {
  maxLength: 3,
  size: 'max',
});

const scripts = (plan: string): fc.Arbitrary<Script> => {
  const functions = STEPS.get(plan)!.filter(({ kind }) => kind === 'task' || kind === 'fork');
  const some = functions.map(({ id }) => [id, fc.oneof(fc.constant([]), fates)] as const);
  return fc
    .record(Object.fromEntries(some))
    .map((script) => Object.fromEntries(Object.entries(script).filter(([, list]) => list.length > 0)));
};

const starts: fc.Arbitrary<Start> = fc.constantFrom(...PLANS.keys()).chain((plan) =>
  fc.record({
    do: fc.constant('start' as const),
    plan: fc.constant(plan),
    script: scripts(plan),
    conflict: oneOf('fail' as const, 'use_existing' as const, 'terminate_existing' as const),
  }),
);

const back = oneOf(0, 0, 0, 0, 0, 0, 0, 0, 1);

const signals = fc.record(
  { do: oneOf('signal' as const), name: oneOf('go', 'go', 'stop'), id: oneOf('1', '2'), back },
  { requiredKeys: ['do', 'name', 'back'] },
);
const release = { do: oneOf('release' as const), nth: fc.nat(2), fate: oneOf<Released>('ok', 'ok', 'fail'), back };
const controls = fc.record({
  do: oneOf<Control['do']>('pause', 'pause', 'resume', 'resume', 'retry', 'retry', 'cancel'),
  back,
});

const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 1, arbitrary: starts },
  { weight: 4, arbitrary: signals },
  { weight: 5, arbitrary: fc.record(release) },
  { weight: 1, arbitrary: fc.record({ ...release, dies: fc.nat(6) }) },
  { weight: 7, arbitrary: controls },
  { weight: 4, arbitrary: fc.record({ do: oneOf('pass' as const), ticks: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ do: oneOf<Life['do']>('crash', 'restart') }) },
);

/** Commands whose effects may meet. */
const atOnce = fc.oneof(signals, fc.record(release), controls);

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  first: starts,
  moves: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: commands.map((command) => [command]) },
      { weight: 1, arbitrary: fc.array(atOnce, { minLength: 1, maxLength: 3, size: 'max' }) },
    ),
    { maxLength: 20, size: 'max' },
  ),
});
