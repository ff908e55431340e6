/** What `machines/worker.ts` is in, as the public words and paths say it. */
import type { ActorRefFrom, SnapshotFrom } from 'xstate';
import type { breakerMachine } from '../../machines/breaker.js';
import type { workerMachine } from '../../machines/worker.js';
import { StartupTimeoutError, startupError, stopError } from './worker-errors.js';

export const WORKER_STATES = ['initializing', 'starting', 'running', 'stopping', 'stopped', 'error'] as const;
/** Where a worker is in its life, which ends with `stopped` or `error`. */
export type WorkerState = (typeof WORKER_STATES)[number];

/** The worker's XState actor. */
export type WorkerActor = ActorRefFrom<typeof workerMachine>;
export type WorkerSnapshot = SnapshotFrom<typeof workerMachine>;

export interface Step {
  readonly from: WorkerSnapshot;
  readonly to: WorkerSnapshot;
  /** The event that caused it, such as `stop.requested` or `afterStart.done`. */
  readonly event: string;
}

export function stateOf({ value }: WorkerSnapshot): WorkerState {
  return typeof value === 'string' ? value : (Object.keys(value)[0] as WorkerState);
}

/** The dotted path, such as `running.degraded`. */
export function detailOf({ value }: WorkerSnapshot): string {
  return typeof value === 'string' ? value : Object.entries(value)[0]!.join('.');
}

/** Whether it takes work from the queues. */
export function isConsuming(snapshot: WorkerSnapshot): boolean {
  return ['running.ready', 'running.degraded'].includes(detailOf(snapshot));
}

/** What its breaker is in; it has one while it runs. */
export function breakerOf({ children }: WorkerSnapshot): string | undefined {
  const breaker = children.breaker as ActorRefFrom<typeof breakerMachine> | undefined;
  const value = breaker?.getSnapshot().value;
  return typeof value === 'object' ? Object.keys(value)[0] : value;
}

export function hasEnded(snapshot: WorkerSnapshot): boolean {
  return snapshot.status !== 'active';
}

/** Tells every change of the actor's state, sub-states included, until the actor ends. */
export function watchSteps(actor: WorkerActor, onStep: (step: Step) => void): void {
  let from = actor.getSnapshot();
  actor.system.inspect((inspected) => {
    if (inspected.type !== '@xstate.snapshot' || inspected.actorRef !== actor) return;
    const to = inspected.snapshot as WorkerSnapshot;
    const changed = detailOf(from) !== detailOf(to);
    if (changed) onStep({ from, to, event: eventName(inspected.event.type) });
    from = to;
  });
}

/** The end of a step, or of a delay, has a name of XState's own, made for machines. */
export function eventName(event: string): string {
  const [, end, step] = /^xstate\.(done|error)\.actor\.(?:.*\.)?(\w+)$/.exec(event) ?? [];
  if (step !== undefined) return `${step}.${end === 'done' ? 'done' : 'failed'}`;
  return event.replace(/^xstate\.after\.([^.]+)\..*$/, 'after.$1').replace(/^xstate\.snapshot\./, 'change.of.');
}

/** What `finished` rejects with; undefined where the worker stopped in good order. */
export function failureOf(workerId: string, { value, context }: WorkerSnapshot): Error | undefined {
  if (value !== 'error') return undefined;
  const { startFailed, expired, errors, startupTimeoutMs } = context;
  if (!startFailed) return stopError(workerId, errors);
  return startupError(expired ? [new StartupTimeoutError(workerId, startupTimeoutMs), ...errors] : errors);
}
