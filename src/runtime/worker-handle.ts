/** A worker as its own hooks see it. */
import type { Duration } from '../core/duration.js';
import type { Health } from './health.js';
import type { WorkerEvents } from './worker-events.js';
import type { WorkerState } from './worker-state.js';

/** How `stop()` ends a worker. */
export interface StopOptions {
  /** As `shutdownTimeout`, for this stop. While it is stopping already only 0 has an effect: wait for no task any more. */
  readonly timeout?: Duration;
  /** Why, for logs and for the AbortSignals of tasks that are given up. */
  readonly reason?: string;
}

/** A hook that waits for its worker to stop, pause or resume waits for itself; asking for it is fine. */
export interface WorkerHandle {
  readonly id: string;
  readonly state: WorkerState;
  readonly detail: string;
  stop(options?: StopOptions): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  health(): Promise<Health>;
  on<K extends keyof WorkerEvents>(event: K, listener: (...args: WorkerEvents[K]) => void): () => void;
}
