/**
 * The workflows that the model knows, as plain data: the model reads it, and `planned-workflow.mjs` builds the real
 * thing from it. Times are in ticks, whose length is the driver's. Between them they bring a run into every state.
 */

export type Step =
  | { readonly kind: 'task'; readonly id: string; readonly retries?: Retries }
  | { readonly kind: 'delay'; readonly id: string; readonly ticks: number }
  | { readonly kind: 'wait'; readonly id: string; readonly signal: string; readonly ticks?: number }
  /** The id is its join's. */
  | { readonly kind: 'fork'; readonly id: string; readonly branches: readonly (readonly Step[])[] }
  /** The body ends in a task. */
  | { readonly kind: 'loop'; readonly id: string; readonly rounds: number; readonly body: readonly Step[] };

/** The nth retry waits `ticks × 2^(n-1)`, at most `mostTicks`. */
export interface Retries {
  readonly most: number;
  readonly ticks: number;
  readonly mostTicks: number;
}

export interface Plan {
  readonly name: string;
  readonly steps: readonly Step[];
}

const task = (id: string, retries?: Retries): Step => ({ kind: 'task', id, ...(retries ? { retries } : {}) });
const delay = (id: string, ticks: number): Step => ({ kind: 'delay', id, ticks });
const wait = (id: string, signal: string, ticks?: number): Step => ({
  kind: 'wait',
  id,
  signal,
  ...(ticks ? { ticks } : {}),
});
const fork = (id: string, ...branches: Step[][]): Step => ({ kind: 'fork', id, branches });
const loop = (id: string, rounds: number, ...body: Step[]): Step => ({ kind: 'loop', id, rounds, body });

const plans: Record<string, readonly Step[]> = {
  line: [task('a'), task('b', { most: 3, ticks: 1, mostTicks: 3 }), task('c')],
  twin: [fork('j', [task('a'), task('b')], [task('c', { most: 1, ticks: 2, mostTicks: 2 })]), task('d')],
  trio: [fork('j', [task('a')], [delay('nap', 2), task('b')], [wait('w', 'go', 3), task('c')])],
  mail: [fork('j', [task('a'), wait('v', 'go')], [wait('w', 'go'), task('b')]), wait('x', 'go', 2)],
  post: [task('a'), wait('v', 'go'), task('b'), wait('w', 'stop', 1), task('c')],
  naps: [delay('m', 1), delay('n', 2), task('a'), wait('w', 'go', 1), delay('o', 1)],
  turn: [loop('l', 3, task('a'), delay('nap', 1), task('b', { most: 1, ticks: 1, mostTicks: 1 })), task('c')],
  nest: [fork('j', [fork('k', [task('a')], [wait('w', 'stop', 2)])], [loop('l', 2, wait('v', 'go'), task('b'))])],
};

export const PLANS: ReadonlyMap<string, Plan> = new Map(
  Object.entries(plans).map(([name, steps]) => [name, { name, steps }]),
);

const stepsOf = (steps: readonly Step[]): Step[] =>
  steps.flatMap((step) => {
    const bodies = step.kind === 'fork' ? step.branches : step.kind === 'loop' ? [step.body] : [];
    return [step, ...bodies.flatMap(stepsOf)];
  });

/** Every step of each plan, at whatever depth. */
export const STEPS: ReadonlyMap<string, readonly Step[]> = new Map(
  [...PLANS].map(([name, { steps }]) => [name, stepsOf(steps)]),
);

interface Planned {
  readonly plan: string;
}

/** The steps whose paths begin with the prefix and go on with `/` and their place. */
export function sequenceAt({ plan }: Planned, prefix: string): readonly Step[] {
  let sequence = PLANS.get(plan)!.steps;
  for (const [, index, branch] of prefix.matchAll(/\/(\d+)(?:\/b(\d+)|#\d+)/g)) {
    const step = sequence[Number(index)]!;
    sequence = step.kind === 'fork' ? step.branches[Number(branch)]! : (step as { body: readonly Step[] }).body;
  }
  return sequence;
}

export function stepAt(run: Planned, path: string): Step {
  const [, prefix, index] = /^(.*)\/(\d+)$/.exec(path)!;
  return sequenceAt(run, prefix!)[Number(index)]!;
}
