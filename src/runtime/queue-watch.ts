/**
 * Keeps a worker's list of queues up to date: read again when a queue is announced, when the broker is back, and when
 * a look at the store says that the list has changed, so that a lost announcement costs no more than one look.
 */
import type { QueueRow } from '../core/model.js';
import { Pulse } from './pulse.js';

export interface QueueWatchOptions {
  /** Reads the list. */
  readonly read: () => Promise<readonly QueueRow[]>;
  /** Whether this worker takes what is in the queue. */
  readonly fits: (queue: QueueRow) => boolean;
  /** Takes every queue that fits, also those that were told before. */
  readonly found: (queues: readonly QueueRow[]) => void;
  readonly onError: (error: unknown) => void;
}

export class QueueWatch {
  readonly #pulse = new Pulse(() => this.#refresh());
  /** The sum of the keys that were read last: see `LookResult.queues`. NaN while nothing is known. */
  #seen = Number.NaN;

  constructor(private readonly options: QueueWatchOptions) {}

  /** The queues that fit. Rejects when the store is away. */
  async read(): Promise<readonly QueueRow[]> {
    const queues = await this.options.read();
    this.#seen = queues.reduce((sum, { key }) => sum + key, 0);
    return queues.filter(this.options.fits);
  }

  /** The same, and watches from now on. */
  async start(): Promise<readonly QueueRow[]> {
    const fitting = await this.read();
    this.#pulse.start(Number.POSITIVE_INFINITY);
    return fitting;
  }

  /** Something may have changed. */
  wake(): void {
    this.#pulse.wake();
  }

  /** The store's queues have keys that add up to this. */
  compare(sum: number): void {
    if (sum !== this.#seen) this.#pulse.wake();
  }

  stop(): Promise<void> {
    return this.#pulse.stop();
  }

  async #refresh(): Promise<number> {
    try {
      this.options.found(await this.read());
    } catch (error) {
      // The next look that succeeds asks for it again.
      this.#seen = Number.NaN;
      this.options.onError(error);
    }
    return Number.POSITIVE_INFINITY;
  }
}
