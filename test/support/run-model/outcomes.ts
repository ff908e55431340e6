/** What comes of acts that are done to a world at once, and how each is answered. */
import type { Act, Controlling, Signalling, Starting } from './acts.js';
import { inputOf, payloadOf, reasonOf } from './acts.js';
import { copy, onTheWay, type Spontaneity, settled } from './explore.js';
import type { Run, World } from './model.js';
import * as model from './model.js';

export interface Outcome {
  readonly world: World;
  /** For each act `done`, `started`, `existing`, or the code of the error. */
  readonly answers: readonly string[];
}

/** In every order. */
export function outcomes(before: World, acts: readonly Act[], spontaneity: Spontaneity): Outcome[] {
  return orders(acts).flatMap((order) => {
    const start: Outcome = { world: before, answers: acts.map(() => '') };
    return order.reduce(
      (so, act) => so.flatMap((outcome) => next(outcome, act, acts.indexOf(act), spontaneity)),
      [start],
    );
  });
}

function orders<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first) => orders(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}

function next({ world, answers }: Outcome, act: Act, at: number, spontaneity: Spontaneity): Outcome[] {
  const meanwhile = answers.every((answer) => answer === '') ? [world] : onTheWay([copy(world)], spontaneity);
  return meanwhile.flatMap((one) => {
    const after = copy(one);
    const answered = answers.with(at, tell(after, act));
    return aftermath(after, act, spontaneity).map((there) => ({ world: there, answers: answered }));
  });
}

/** Where the world may be when the act is over. */
function aftermath(world: World, act: Act, spontaneity: Spontaneity): World[] {
  if (act.do === 'pass' && spontaneity.timersUntil === undefined)
    return turnTo(world, world.now + act.ticks * world.tickMs, spontaneity);
  if (act.do !== 'release' || act.dies === undefined) return [world];
  return onTheWay([world], spontaneity).map((cut) => {
    const after = copy(cut);
    model.die(after);
    return after;
  });
}

/** The clock is turned from one due time to the next, and what follows from each happens then. */
function turnTo(from: World, until: number, spontaneity: Spontaneity): World[] {
  const there: World[] = [];
  const left = settled([copy(from)], spontaneity);
  for (let world = left.pop(); world !== undefined; world = left.pop()) {
    const due = earliestDue(world);
    if (due === undefined || due > until) {
      world.now = until;
      there.push(world);
      continue;
    }
    world.now = Math.max(due, world.now);
    for (const run of world.runs.filter(model.isLive))
      for (const { node } of model.nodesOf(run)) if (model.isDue(node, world.now)) model.fallDue(world, run, node);
    left.push(...settled([world], spontaneity));
  }
  return there;
}

export function earliestDue(world: World): number | undefined {
  const dues = world.runs
    .filter(model.isLive)
    .flatMap((run) => Object.values(run.nodes).flatMap((node) => (model.isDue(node, Infinity) ? [node.due!] : [])));
  return dues.length === 0 ? undefined : Math.min(...dues);
}

// ------------------------------------------------------------------------------------------------ one act

/** Changes the world, and answers. */
function tell(world: World, act: Act): string {
  switch (act.do) {
    case 'start':
      return start(world, act);
    case 'pass':
      return 'done';
    case 'crash':
      model.die(world);
      return 'done';
    case 'restart':
      world.up = true;
      return 'done';
    case 'release':
      model.release(world.runs[act.run]!, act.held, act.fate);
      return 'done';
    default:
      return control(world, world.runs[act.run]!, act);
  }
}

function control(world: World, run: Run, act: Signalling | Controlling): string {
  world.turns++;
  if (act.do === 'retry') {
    if (run.status !== 'failed') return 'RUN_NOT_FAILED';
    model.retry(world, run);
    return 'done';
  }
  if (act.do === 'cancel' && run.status === 'cancelled') return 'done';
  if (!model.isLive(run)) return 'RUN_TERMINAL';
  if (act.do === 'signal') model.signal(run, act.name, act.id, payloadOf(act));
  if (act.do === 'cancel') model.cancel(run, reasonOf(act));
  if (act.do === 'pause' && run.status === 'running') model.pause(run, reasonOf(act));
  if (act.do === 'resume' && run.status === 'paused') model.resume(run);
  return 'done';
}

const TERMINATED = 'terminated by a new start of the same id';

function start(world: World, act: Starting): string {
  const { plan, script, conflict } = act;
  const rival = world.runs.at(-1);
  if (rival !== undefined && conflict !== 'terminate_existing')
    return conflict === 'use_existing' && rival.plan === plan ? 'existing' : 'RUN_EXISTS';
  if (rival !== undefined && model.isLive(rival)) model.cancel(rival, TERMINATED);
  world.turns++;
  const run: Run = { plan, script, status: 'running', nodes: {}, mail: {}, seen: [], counts: {}, holding: [] };
  world.runs.push(run);
  model.begin(world, run, inputOf(act));
  return 'started';
}
