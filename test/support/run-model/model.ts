/**
 * What a run must do, said once more and independently of the product: plain data, and one function for each step that
 * may follow, which changes the world that it is given. In which order things happen is up to `explore.ts`.
 */
import { outputOf } from '../../fixtures/planned-workflow.mjs';
import { type Step, sequenceAt, stepAt } from './plans.js';

/** What becomes of one execution. One that holds is under way until the test releases it. */
export type Fate = 'ok' | 'fail' | 'refuse' | 'hold';
/** The fates of each function's executions, in order; further ones are ok. */
export type Script = Readonly<Record<string, readonly Fate[]>>;
export type Value = string | { readonly timedOut: boolean; readonly payload?: string } | readonly Value[];

type Parked = 'delayed' | 'awaiting_signal' | 'joining';
export interface Node {
  state: 'ready' | 'held' | 'leased' | 'backing_off' | Parked | 'completed' | 'failed' | 'cancelled';
  attempt: number;
  losses: number;
  input: Value;
  output?: Value;
  /** Attempt of each execution, in order. */
  executions: number[];
  /** Of a leased one: what its execution, which has begun, comes to. */
  fate?: Fate;
  /** Leased by a worker that died. */
  lost?: boolean;
  due?: number;
  /** When its last timer fell due, and the earliest time of the last lease. */
  fellDue?: number;
  notBefore?: number;
  /** Which step parked it, and when: who parked first is served, and shown, first. */
  turn?: number;
  parkedAt?: number;
  /** Of a fork: branches that are still missing. */
  missing?: number;
  /** As it was when the failure of its run stopped it. */
  stopped?: { readonly state: Node['state']; readonly due?: number };
}

export interface Run {
  readonly plan: string;
  readonly script: Script;
  status: 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';
  reason?: string;
  failure?: { readonly task: string; readonly attempt: number; readonly message: string };
  output?: Value;
  readonly nodes: Record<string, Node>;
  /** Signals of each name that nobody has taken, oldest first. */
  readonly mail: Record<string, string[]>;
  readonly seen: string[];
  /** Executions of each function. */
  readonly counts: Record<string, number>;
  /** Executions that hold, oldest first; those whose lease is gone too. */
  readonly holding: { readonly task: string; readonly path: string; readonly execution: number }[];
}

export interface World {
  /** The time, where the clock is turned by hand; else the earliest that it may be. */
  now: number;
  readonly tickMs: number;
  /** Whether a worker is at work. */
  up: boolean;
  turns: number;
  readonly runs: Run[];
}

const POISON_AT = 5;
const FINAL = ['completed', 'failed', 'cancelled'];
export const isLive = ({ status }: Run): boolean => status === 'running' || status === 'paused';
export const isOpen = ({ state }: Node): boolean => !FINAL.includes(state);
const isParked = ({ state }: Node): boolean => ['delayed', 'awaiting_signal', 'backing_off'].includes(state);

// --------------------------------------------------------------------------------------- what follows what

export function begin(world: World, run: Run, input: Value): void {
  enter(world, run, '/0', input);
  deliver(run);
}

function enter(world: World, run: Run, path: string, input: Value): void {
  const step = stepAt(run, path);
  if (step.kind === 'loop') {
    enter(world, run, `${path}#0/0`, input);
    return;
  }
  const node: Node = { state: 'ready', attempt: 1, losses: 0, input, executions: [] };
  run.nodes[path] = node;
  if (step.kind === 'task') wake(run, node);
  if (step.kind === 'delay') park(world, node, 'delayed', step.ticks);
  if (step.kind === 'wait') park(world, node, 'awaiting_signal', step.ticks);
  if (step.kind !== 'fork') return;
  node.missing = step.branches.length;
  node.input = step.branches.map(() => '');
  park(world, node, 'joining', undefined);
  step.branches.forEach((_, b) => enter(world, run, `${path}/b${b}/0`, input));
}

function park(world: World, node: Node, state: Node['state'], ticks: number | undefined): void {
  Object.assign(node, { state, turn: world.turns, parkedAt: world.now });
  if (ticks !== undefined) node.due = world.now + ticks * world.tickMs;
}

/** What would be ready is held while its run is paused. */
function wake(run: Run, node: Node): void {
  node.state = run.status === 'paused' ? 'held' : 'ready';
  delete node.due;
}

function deliver(run: Run): void {
  for (;;) {
    const waits = nodesOf(run).filter(({ path, node }) => node.state === 'awaiting_signal' && mailFor(run, path));
    const first = waits.sort((a, b) => a.node.turn! - b.node.turn! || (a.path < b.path ? -1 : 1))[0];
    if (first === undefined) return;
    first.node.input = { timedOut: false, payload: mailFor(run, first.path)!.shift()! };
    wake(run, first.node);
  }
}

function mailFor(run: Run, path: string): string[] | undefined {
  const step = stepAt(run, path) as Extract<Step, { kind: 'wait' }>;
  const box = run.mail[step.signal];
  return box !== undefined && box.length > 0 ? box : undefined;
}

function complete(world: World, run: Run, path: string, value: Value): void {
  const [, prefix, index] = /^(.*)\/(\d+)$/.exec(path)!;
  if (Number(index) + 1 < sequenceAt(run, prefix!).length) enter(world, run, `${prefix}/${Number(index) + 1}`, value);
  else if (prefix === '') end(run, 'completed', value);
  else leave(world, run, prefix!, value);
}

/** A branch or a round came to its end. */
function leave(world: World, run: Run, prefix: string, value: Value): void {
  const [, owner, kind, place] = /^(.*)(#|\/b)(\d+)$/.exec(prefix)!;
  const step = stepAt(run, owner!);
  if (kind === '/b') arrive(run, run.nodes[owner!]!, Number(place), value);
  else if (step.kind === 'loop' && Number(place) + 1 < step.rounds)
    enter(world, run, `${owner}#${Number(place) + 1}/0`, value);
  else complete(world, run, owner!, value);
}

function arrive(run: Run, join: Node, branch: number, value: Value): void {
  join.input = (join.input as Value[]).with(branch, value);
  join.missing!--;
  if (join.missing === 0) wake(run, join);
}

function end(run: Run, status: Run['status'], output?: Value): void {
  run.status = status;
  if (output !== undefined) run.output = output;
  if (status !== 'cancelled') delete run.reason;
  for (const { node } of nodesOf(run).filter(({ node }) => isOpen(node))) {
    if (status === 'failed') node.stopped = { state: node.state, ...(node.due === undefined ? {} : { due: node.due }) };
    node.state = 'cancelled';
    delete node.due;
    delete node.lost;
  }
}

// ------------------------------------------------------------------------------------- the worker's steps

export function lease(node: Node): void {
  node.state = 'leased';
  if (node.fellDue !== undefined) node.notBefore = node.fellDue;
  delete node.fate;
}

export function execute(run: Run, path: string): void {
  const node = run.nodes[path]!;
  const step = stepAt(run, path);
  node.fate = 'ok';
  if (step.kind !== 'task' && step.kind !== 'fork') return;
  const execution = (run.counts[step.id] ?? 0) + 1;
  run.counts[step.id] = execution;
  node.executions.push(node.attempt);
  node.fate = run.script[step.id]?.[execution - 1] ?? 'ok';
  if (node.fate === 'hold') run.holding.push({ task: step.id, path, execution });
  node.output = outputOf(step.id, execution, node.input);
}

export function settle(world: World, run: Run, path: string): void {
  const node = run.nodes[path]!;
  const step = stepAt(run, path);
  if (node.fate !== 'ok') {
    fail(world, run, path, node, step);
    return;
  }
  world.turns++;
  node.state = 'completed';
  if (step.kind === 'delay') node.output = node.input;
  if (step.kind === 'wait') node.output = waited(step, node.input as Exclude<Value, string>);
  complete(world, run, path, node.output!);
  deliver(run);
}

function waited({ ticks }: { readonly ticks?: number }, woken: Exclude<Value, string>): Value {
  return ticks === undefined ? (woken as { payload: string }).payload : woken;
}

function fail(world: World, run: Run, path: string, node: Node, step: Step): void {
  const retries = step.kind === 'task' ? step.retries : undefined;
  if (node.fate === 'fail' && retries !== undefined && node.attempt <= retries.most) {
    park(world, node, 'backing_off', Math.min(retries.ticks * 2 ** (node.attempt - 1), retries.mostTicks));
    node.attempt++;
  } else failRun(run, path, `${step.id} fails`);
}

function failRun(run: Run, path: string, message: string): void {
  const node = run.nodes[path]!;
  node.state = 'failed';
  delete node.lost;
  run.failure = { task: stepAt(run, path).id, attempt: node.attempt, message };
  end(run, 'failed');
}

/** The lease of a worker that died is handed back. */
export function bury(run: Run, path: string): void {
  const node = run.nodes[path]!;
  node.losses++;
  delete node.lost;
  if (node.losses >= POISON_AT) failRun(run, path, 'poisoned');
  else wake(run, node);
}

export function fallDue(world: World, run: Run, node: Node): void {
  node.fellDue = node.due!;
  world.now = Math.max(world.now, node.due!);
  if (node.state === 'awaiting_signal') node.input = { timedOut: true };
  wake(run, node);
}

export const isDue = (node: Node, now: number): boolean => isParked(node) && node.due !== undefined && node.due <= now;

export function die(world: World): void {
  world.up = false;
  for (const run of world.runs) {
    run.holding.length = 0;
    for (const { node } of nodesOf(run)) if (node.state === 'leased') node.lost = true;
  }
}

// ------------------------------------------------------------------------------------------------ control

export function signal(run: Run, name: string, id: string | undefined, payload: string): void {
  if (id !== undefined) {
    if (run.seen.includes(`${name} ${id}`)) return;
    run.seen.push(`${name} ${id}`);
  }
  run.mail[name] ??= [];
  run.mail[name].push(payload);
  deliver(run);
}

export function cancel(run: Run, reason: string): void {
  run.reason = reason;
  end(run, 'cancelled');
}

export function pause(run: Run, reason: string): void {
  run.status = 'paused';
  run.reason = reason;
  for (const { node } of nodesOf(run)) if (node.state === 'ready') node.state = 'held';
}

export function resume(run: Run): void {
  run.status = 'running';
  delete run.reason;
  for (const { node } of nodesOf(run)) if (node.state === 'held') node.state = 'ready';
}

export function retry(world: World, run: Run): void {
  run.status = 'running';
  delete run.failure;
  for (const { node } of nodesOf(run)) {
    if (node.state !== 'failed' && node.stopped === undefined) continue;
    const { state = 'ready', due } = node.stopped ?? {};
    delete node.stopped;
    Object.assign(node, { attempt: 1, losses: 0 });
    const parked = state === 'delayed' || state === 'awaiting_signal' || state === 'joining';
    Object.assign(node, { state: parked ? state : 'ready', ...(parked && due !== undefined ? { due } : {}) });
    if (isDue(node, world.now)) fallDue(world, run, node);
  }
}

/** Whether an execution that holds still has its lease. */
export function counts(run: Run, { path, execution, task }: Run['holding'][number]): boolean {
  return run.nodes[path]?.state === 'leased' && run.counts[task] === execution;
}

/** A released execution goes on; one whose lease is gone changes nothing. */
export function release(run: Run, held: Run['holding'][number], fate: Fate): void {
  const at = run.holding.findIndex(({ task, execution }) => task === held.task && execution === held.execution);
  const [released] = at < 0 ? [] : run.holding.splice(at, 1);
  if (released !== undefined && counts(run, released)) run.nodes[released.path]!.fate = fate;
}

export function nodesOf(run: Run): { readonly path: string; readonly node: Node }[] {
  return Object.entries(run.nodes).map(([path, node]) => ({ path, node }));
}
