/**
 * Batching without a timer: one statement of a kind is in flight per lane, and whatever arrives meanwhile goes
 * out together as the next one. An idle system pays no latency for it, and under load dozens of requests share
 * one commit.
 *
 * The statement must answer with one result per request, in order. When the store refuses a batch's *data*, the
 * batch is split until the offender is alone: only its own request fails. Any other rejection is passed to every
 * request of the batch, whose outcome is then unknown.
 */
import { StoreRejectedError } from '../store/store.js';
import { limits } from './limits.js';

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchOptions {
  /** Requests per statement; default 256. */
  readonly size?: number;
  /** Statements in flight at a time; default 1. */
  readonly lanes?: number;
}

export class Batch<Request, Result> {
  #waiting: Waiting<Request, Result>[] = [];
  #inFlight = 0;
  #scheduled = false;
  readonly #size: number;
  readonly #lanes: number;

  constructor(
    private readonly send: (requests: Request[]) => Promise<readonly Result[]>,
    options: BatchOptions = {},
  ) {
    this.#size = options.size ?? limits.batchSize;
    this.#lanes = options.lanes ?? 1;
  }

  /** Settles with this request's own result. */
  add(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  /** Requests that wait for a statement or are in one. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#waiting.length === 0;
  }

  // A tick's delay lets requests that one event brought in (a batch of deliveries) share their statement.
  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= this.#lanes) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#inFlight < this.#lanes) {
        void this.#flush(this.#waiting.splice(0, this.#size));
      }
    });
  }

  async #flush(batch: Waiting<Request, Result>[]): Promise<void> {
    this.#inFlight++;
    try {
      await this.#settle(batch);
    } finally {
      this.#inFlight--;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }

  async #settle(batch: Waiting<Request, Result>[]): Promise<void> {
    try {
      const results = await this.send(batch.map((waiting) => waiting.request));
      if (results.length !== batch.length) throw new RangeError(`${batch.length} requests, ${results.length} results`);
      batch.forEach((waiting, i) => waiting.resolve(results[i] as Result));
    } catch (error) {
      if (!(error instanceof StoreRejectedError) || batch.length === 1) {
        for (const waiting of batch) waiting.reject(error);
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.#settle(batch.slice(0, half));
      await this.#settle(batch.slice(half));
    }
  }
}
