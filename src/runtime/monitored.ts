/** A worker as those see it who watch over it: probes, metrics, a supervisor. */
import type { Logger } from '../core/logger.js';
import type { Engine } from './engine.js';
import type { Health } from './health.js';
import type { WorkerEvents } from './worker-events.js';
import type { WorkerState } from './worker-state.js';

/** Who watches: from before anything else of its start until after everything else of its stop. */
export interface Monitor {
  open(): Promise<void>;
  close(): Promise<void>;
}

export interface Monitored {
  readonly id: string;
  readonly state: WorkerState;
  readonly detail: string;
  /** Whether it takes work now. */
  readonly consuming: boolean;
  /** Whether it ever did, its start-up done. */
  readonly started: boolean;
  /** The state of its breaker; undefined while it isn't running. */
  readonly breaker: string | undefined;
  /** Tasks that it runs at a time, at most. */
  readonly slots: number;
  /** What the checks said last. */
  readonly lastHealth: Health;
  readonly engine: Pick<Engine, 'on' | 'inFlight' | 'depths'>;
  readonly logger: Logger;
  /** Calls back on every change of its state, sub-states included. */
  onStep(listener: () => void): void;
  on<K extends keyof WorkerEvents>(event: K, listener: (...args: WorkerEvents[K]) => void): () => void;
}
