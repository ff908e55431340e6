/** Who looks on: to what the actors and deliveries of a process are shown, if anything. */
import type { InspectionEvent, Observer } from 'xstate';
import type { EngineLike } from './lifecycle.js';
import type { WorkerActor } from './worker-state.js';

export interface Inspection {
  /** Told of everything that actors do: the `inspect` option of each. */
  readonly observer: Observer<InspectionEvent>;
  /** Shows the deliveries of a worker to whoever wants to see them, until the returned function is called. */
  watch(worker: WatchedWorker): () => void;
}

export interface WatchedWorker {
  readonly id: string;
  readonly actor: WorkerActor;
  readonly engine: Pick<EngineLike, 'on'>;
}
