/** What a worker tells its listeners. */
import type { TaskEvent } from './engaged.js';
import type { WorkerState } from './worker-state.js';

/** A change of a worker's public state. */
export interface Transition {
  readonly from: WorkerState;
  readonly to: WorkerState;
  /** What caused it, such as `stop.requested` or `afterStart.done`. */
  readonly event: string;
}

/** What `on` listens to, with the arguments of the listeners. */
export type WorkerEvents = {
  /** The public state changed. Changes within a state are told by the worker's `actor`. */
  transition: [Transition];
  /** An attempt of a task ended here. */
  task: [TaskEvent];
  /** A hook or a step of the worker's failed, or an operation on store or broker. No task's failure is among them. */
  error: [Error];
};
