/** Who looks on: to what the actors and deliveries of a process are shown, if anything. */
import type { InspectionEvent, Observer } from 'xstate';
import type { Route } from './http/route.js';
import type { EngineLike } from './lifecycle.js';
import type { WorkerActor } from './worker-state.js';

export interface Inspection {
  /** Told of everything that actors do: the `inspect` option of each. */
  readonly observer: Observer<InspectionEvent>;
  /** Shows the deliveries of a worker to whoever wants to see them, until the returned function is called. */
  watch(worker: WatchedWorker): () => void;
}

/** Where a process learns how others are, while somebody looks at it. */
export interface Neighbourhood {
  /** Calls back with what each of them says of itself, until the returned function is called. */
  look(saw: (frame: object) => void): () => void;
}

/** What a supervisor needs to show itself and its processes. */
export interface SupervisorInspection extends Pick<Inspection, 'observer'> {
  meet(neighbourhood: Neighbourhood): void;
  /** The page, once all neighbours are known. */
  routes(): Route[];
}

/** Tells whoever asks how this process is: each question is answered for so many ms. */
export interface Inspected {
  answering(send: (frame: object) => void): (forMs: number) => void;
}

export interface WatchedWorker {
  readonly id: string;
  readonly actor: WorkerActor;
  readonly engine: Pick<EngineLike, 'on'>;
}
