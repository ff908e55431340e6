/**
 * One session after another: a worker that the others took for dead goes on under a new one. Between the two it has
 * none, and does nothing.
 */
import { hostname } from 'node:os';
import type { Logger } from '../core/logger.js';
import type { ReadyActivation } from '../core/model.js';
import type { SessionDeadError, Store } from '../store/store.js';
import { persist } from './persist.js';
import { Tenure } from './tenure.js';

export interface SuccessionOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly workerId: string;
  readonly leaseTtlMs: number;
  /** Aborted when no session is to follow any more. */
  readonly signal: AbortSignal;
  /** Work may begin under this one. */
  readonly begun: (tenure: Tenure) => void;
  /** It was judged dead, and its tasks are aborted. */
  readonly lost: () => void;
  /** Another has begun, or none will. */
  readonly settled: () => void;
  /** Strays that a heartbeat handed back: owed. */
  readonly owed: (ready: readonly ReadyActivation[]) => void;
  readonly failed: (error: unknown) => void;
  readonly recovered: () => void;
}

export class Succession {
  #tenure: Tenure | undefined;
  #replacing: Promise<void> | undefined;
  #leaseTtlMs: number;

  constructor(private readonly options: SuccessionOptions) {
    this.#leaseTtlMs = options.leaseTtlMs;
  }

  /** Undefined before `open()`, after `close()`, and between two sessions. */
  get tenure(): Tenure | undefined {
    return this.#tenure;
  }

  get leaseTtlMs(): number {
    return this.#leaseTtlMs;
  }

  set leaseTtlMs(leaseTtlMs: number) {
    this.#leaseTtlMs = leaseTtlMs;
    if (this.#tenure !== undefined) this.#tenure.ttlMs = leaseTtlMs;
  }

  /** The first session. Rejects when the store is away. */
  async open(): Promise<void> {
    const { store, workerId, begun, owed, failed, recovered } = this.options;
    const session = { workerId, ttlMs: this.#leaseTtlMs, host: hostname(), pid: process.pid };
    this.#tenure = await Tenure.open(store, session, {
      owed,
      failed,
      recovered,
      died: (error) => {
        this.#replacing ??= this.#replace(error).finally(() => {
          this.#replacing = undefined;
        });
      },
    });
    begun(this.#tenure);
  }

  /**
   * A statement was refused since its session is dead. Said of a session before ours it is old news: its last
   * statements may be answered late.
   */
  die(error: SessionDeadError): void {
    if (this.#tenure?.leases.session === error.session) this.#tenure.die(error);
  }

  /** Ends the session, also one that is only being opened. */
  async close(): Promise<void> {
    await this.#replacing;
    await this.#tenure?.close();
    this.#tenure = undefined;
  }

  async #replace(error: SessionDeadError): Promise<void> {
    const { logger, signal, lost, settled, failed, recovered } = this.options;
    logger.warn({ err: error }, 'this worker was taken for dead; it goes on under a new session');
    lost();
    const old = this.#tenure;
    this.#tenure = undefined;
    try {
      // Its end is the others' business already, and must not stand in the way of the next.
      await old?.close().catch(failed);
      await persist({ failed, recovered, signal }, () => this.open());
    } catch (cause) {
      if (!signal.aborted) failed(cause);
    } finally {
      settled();
    }
  }
}
