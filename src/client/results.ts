/**
 * Waiting for the end of runs. The broker tells the process that started a run, and every process when control moved
 * it; for other handles' runs that completed, and in case a message is lost, one statement every few seconds looks for
 * all that wait. Nobody waiting costs nothing.
 */
import { BatonError, ConnectionError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { isLive, type RunKey } from '../core/model.js';
import { Batch } from '../runtime/batch.js';
import { limits } from '../runtime/limits.js';
import type { RunRow, Store } from '../store/store.js';
import type { Transport } from '../transport/transport.js';

/** The connection, as far as waiting needs it. */
export interface ResultSource {
  readonly store: Pick<Store, 'runs'>;
  readonly transport: Pick<Transport, 'onNews' | 'onReply'>;
  readonly logger: Logger;
  /** Throws once the connection is closed, as `store` does. */
  assertOpen(): void;
}

interface Waiter {
  readonly resolve: (row: RunRow) => void;
  readonly reject: (error: unknown) => void;
}

export class Results {
  readonly #waiters = new Map<RunKey, Set<Waiter>>();
  readonly #rows: Batch<RunKey, RunRow | undefined>;
  readonly #subscriptions: readonly (() => void)[];
  #poll: NodeJS.Timeout | undefined;
  #closed: BatonError | undefined;

  constructor(private readonly connection: ResultSource) {
    this.#rows = new Batch((keys) => this.#read(keys));
    const { transport } = connection;
    this.#subscriptions = [
      transport.onReply((news) => {
        if ('run' in news) this.moved(news.run);
      }),
      transport.onNews((news) => {
        if (news.kind === 'run.controlled') this.moved(news.run);
      }),
    ];
  }

  /** The run's row; whatever is asked for at the same time shares a statement. */
  row(run: RunKey): Promise<RunRow | undefined> {
    this.connection.assertOpen();
    return this.#rows.add(run);
  }

  /** Resolves with the row of the run once it has ended; rejects with the signal's reason, or when closed. */
  ended(run: RunKey, signal?: AbortSignal): Promise<RunRow> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      const onAbort = () => waiter.reject(signal?.reason);
      const forget = () => {
        signal?.removeEventListener('abort', onAbort);
        this.#forget(run, waiter);
      };
      const waiter: Waiter = {
        resolve: (row) => {
          forget();
          resolve(row);
        },
        reject: (error) => {
          forget();
          reject(error);
        },
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      // Waiting first, then looking: an end in between is seen by one of the two.
      this.#remember(run, waiter);
      void this.#look(run);
    });
  }

  /** The run may have ended: whoever waits for it here learns it now. */
  moved(run: RunKey): void {
    if (this.#waiters.has(run)) void this.#look(run);
  }

  /** Everybody who waits is told `reason`. */
  close(reason: BatonError): void {
    this.#closed = reason;
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.reject(reason);
  }

  #remember(run: RunKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(run) ?? new Set();
    this.#waiters.set(run, waiters.add(waiter));
    this.#schedule();
  }

  #forget(run: RunKey, waiter: Waiter): void {
    const waiters = this.#waiters.get(run);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(run);
    if (this.#waiters.size > 0) return;
    clearTimeout(this.#poll);
    this.#poll = undefined;
  }

  async #look(run: RunKey): Promise<void> {
    try {
      this.#settle(run, await this.#rows.add(run));
    } catch (error) {
      this.#failed(error, [run]);
    }
  }

  #schedule(): void {
    this.#poll ??= setTimeout(() => void this.#lookAtAll(), limits.resultPollMs);
  }

  async #lookAtAll(): Promise<void> {
    const keys = [...this.#waiters.keys()];
    try {
      const rows = await this.#read(keys);
      for (const [i, run] of keys.entries()) this.#settle(run, rows[i]);
    } catch (error) {
      this.#failed(error, keys);
    }
    this.#poll = undefined;
    if (this.#waiters.size > 0) this.#schedule();
  }

  async #read(keys: readonly RunKey[]): Promise<(RunRow | undefined)[]> {
    const rows = new Map((await this.connection.store.runs(keys)).map((row) => [row.run, row]));
    return keys.map((key) => rows.get(key));
  }

  #settle(run: RunKey, row: RunRow | undefined): void {
    if (row === undefined) {
      const gone = new BatonError('RUN_GONE', `run ${run} was deleted while its result was awaited`);
      this.#each([run], (waiter) => waiter.reject(gone));
    } else if (!isLive(row.status)) {
      this.#each([run], (waiter) => waiter.resolve(row));
    }
  }

  /** While the store is away everybody goes on waiting: runs don't end by that, and the next look will tell. */
  #failed(error: unknown, runs: readonly RunKey[]): void {
    if (this.#closed !== undefined) return;
    if (error instanceof ConnectionError)
      this.connection.logger.warn({ err: error }, 'cannot look for results now; trying again');
    else this.#each(runs, (waiter) => waiter.reject(error));
  }

  #each(runs: readonly RunKey[], tell: (waiter: Waiter) => void): void {
    for (const run of runs) for (const waiter of [...(this.#waiters.get(run) ?? [])]) tell(waiter);
  }
}
