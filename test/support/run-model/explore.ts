/**
 * Where a world can get by itself. Most of what happens at the same time can't be told apart by its order; where it
 * can (a branch fails, waits are parked), every order is followed.
 */
import {
  bury,
  execute,
  type Fate,
  fallDue,
  isDue,
  isLive,
  lease,
  type Node,
  nodesOf,
  type Run,
  settle,
  type World,
} from './model.js';
import { STEPS } from './plans.js';

/** What happens by itself while nobody gives a command. */
export interface Spontaneity {
  /** Timers fire whenever they are due by this time, not only when the clock is turned. */
  readonly timersUntil?: number;
  /** A worker's death is found out at some time, not only when the next one comes. */
  readonly verdicts: boolean;
}

interface Turn {
  /** It may also never happen while the world is looked at. */
  readonly optional?: boolean;
  /** Its order among others may matter. */
  readonly racing: boolean;
  readonly take: (run: Run, node: Node, world: World) => void;
}

/** Worlds in which nothing more has to happen by itself. */
export const settled = (worlds: readonly World[], spontaneity: Spontaneity): World[] =>
  explore(worlds, spontaneity, false);

/** Every world on the way there, too: a worker may die in the middle, a command come. */
export const onTheWay = (worlds: readonly World[], spontaneity: Spontaneity): World[] =>
  explore(worlds, spontaneity, true);

function explore(worlds: readonly World[], spontaneity: Spontaneity, everything: boolean): World[] {
  const found = new Map<string, World>();
  const known = new Set<string>();
  const left = [...worlds];
  for (let world = left.pop(); world !== undefined; world = left.pop()) {
    if (!everything) hurry(world, spontaneity);
    const key = keyOf(world);
    if (known.has(key)) continue;
    known.add(key);
    const turns = turnsOf(world, spontaneity);
    if (everything || turns.every(({ turn }) => turn.optional)) found.set(key, world);
    for (const { at, path, turn } of turns) {
      const next = copy(world);
      turn.take(next.runs[at]!, next.runs[at]!.nodes[path]!, next);
      left.push(next);
    }
  }
  return [...found.values()];
}

/** Takes the turns whose order nobody could tell, one after the other, until one comes up where it might matter. */
function hurry(world: World, spontaneity: Spontaneity): void {
  for (;;) {
    const turns = turnsOf(world, spontaneity);
    const [first] = turns;
    if (first === undefined || turns.some(({ turn }) => turn.racing)) return;
    const run = world.runs[first.at]!;
    first.turn.take(run, run.nodes[first.path]!, world);
  }
}

function turnsOf(world: World, spontaneity: Spontaneity) {
  return world.runs.flatMap((run, at) =>
    isLive(run)
      ? nodesOf(run).flatMap(({ path, node }) => {
          const turn = turnOf(world, run, path, node, spontaneity);
          return turn === undefined ? [] : [{ at, path, turn }];
        })
      : [],
  );
}

function turnOf(world: World, run: Run, path: string, node: Node, spontaneity: Spontaneity): Turn | undefined {
  const { timersUntil = Number.NEGATIVE_INFINITY, verdicts } = spontaneity;
  if (canLease(world, run, node))
    return { racing: node.losses > 1 || races(run), optional: !mustLease(world, run, node), take: (_, n) => lease(n) };
  if (node.state === 'leased' && node.lost) {
    if (!world.up && !verdicts) return undefined;
    return { racing: true, optional: !world.up, take: (r) => bury(r, path) };
  }
  if (node.state === 'leased' && node.fate === undefined) return { racing: races(run), take: (r) => execute(r, path) };
  if (node.state === 'leased' && node.fate !== 'hold')
    return { racing: node.fate !== 'ok' || races(run), take: (r, _, w) => settle(w, r, path) };
  if (isDue(node, timersUntil)) return { racing: true, optional: true, take: (r, n, w) => fallDue(w, r, n) };
  return undefined;
}

const SUSPECT_AT = 2;

function canLease(world: World, run: Run, node: Node): boolean {
  if (!world.up || run.status !== 'running' || node.state !== 'ready') return false;
  return node.losses < SUSPECT_AT || !atWork(world, run).some(({ losses }) => losses >= SUSPECT_AT);
}

/** What has cost two workers waits for whoever is at work beside it to end, or for no longer than that. */
const mustLease = (world: World, run: Run, node: Node): boolean =>
  node.losses < SUSPECT_AT || atWork(world, run).length === 0;

const atWork = (world: World, { plan }: Run): Node[] =>
  world.runs
    .filter((run) => run.plan === plan)
    .flatMap((run) => Object.values(run.nodes).filter((node) => node.state === 'leased' && !node.lost));

/** A failure stops whatever it finds under way beside it, and of several waits the earlier comes first. */
function races(run: Run): boolean {
  return manyWait(run.plan) || Object.entries(run.script).some(([id, fates]) => mayEnd(run, id, fates));
}

function mayEnd(run: Run, id: string, fates: readonly Fate[]): boolean {
  const left = fates.slice(Math.max(0, (run.counts[id] ?? 0) - 1));
  const fails = fates.filter((fate) => fate === 'fail').length;
  return left.includes('refuse') || (left.includes('fail') && fails > retriesOf(run.plan, id));
}

function retriesOf(plan: string, id: string): number {
  const step = STEPS.get(plan)!.find((one) => one.id === id);
  return step?.kind === 'task' ? (step.retries?.most ?? 0) : 0;
}

const manyWait = (plan: string): boolean => STEPS.get(plan)!.filter(({ kind }) => kind === 'wait').length > 1;

export const copy = (world: World): World => JSON.parse(JSON.stringify(world)) as World;

/** The same for worlds that differ in nothing but the order in which they came about. */
function keyOf(world: World): string {
  const runs = world.runs.map(({ nodes, counts, ...run }) => ({
    ...run,
    nodes: sorted(nodes),
    counts: sorted(counts),
  }));
  return JSON.stringify({ ...world, turns: 0, runs });
}

const sorted = <T>(record: Record<string, T>): [string, T][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
