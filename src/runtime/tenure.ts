/**
 * A worker process's time under one session: opened, kept alive by heartbeats, ended in good order or by the
 * verdict of the others. Its leases live and end with it.
 */
import type { ReadyActivation, RunKey } from '../core/model.js';
import { SessionDeadError, type SessionOptions, type Store } from '../store/store.js';
import { Leases } from './leases.js';
import { limits } from './limits.js';
import { type Persistence, persist } from './persist.js';
import { Pulse } from './pulse.js';

export interface TenureEvents {
  /** Strays that a heartbeat handed back: owed. */
  owed(ready: readonly ReadyActivation[]): void;
  failed(error: unknown): void;
  recovered(): void;
  /** The others judged this session dead. */
  died(error: SessionDeadError): void;
}

export class Tenure {
  readonly leases: Leases;
  /** Repeats the statements of leases in hand until the session ends. */
  readonly settling: Persistence;
  readonly #pulse = new Pulse(() => this.#beat());
  #ttlMs: number;
  #failures = 0;
  #dead = false;

  static async open(store: Store, options: SessionOptions, events: TenureEvents): Promise<Tenure> {
    return new Tenure(new Leases(store, await store.openSession(options)), options.ttlMs, events);
  }

  private constructor(
    leases: Leases,
    ttlMs: number,
    private readonly events: TenureEvents,
  ) {
    this.leases = leases;
    this.#ttlMs = ttlMs;
    this.settling = {
      failed: (error) => events.failed(error),
      recovered: () => events.recovered(),
      signal: leases.ended.signal,
    };
    leases.handle.onInterrupted(() => void this.#resume());
    this.#pulse.start(ttlMs / 3);
  }

  get ttlMs(): number {
    return this.#ttlMs;
  }

  set ttlMs(ttlMs: number) {
    this.#ttlMs = ttlMs;
    this.#pulse.wake();
  }

  /** A heartbeat now: something was said to have happened to our leases. */
  beat(): void {
    this.#pulse.wake();
  }

  /** Control moved a run: its tasks here are told at once. */
  controlled(run: RunKey): void {
    this.leases.controlled(run).then(
      (told) => {
        if (!told) this.beat();
      },
      // What can't be read now is the heartbeat's to find, and its failure the heartbeat's to report.
      () => this.beat(),
    );
  }

  /** A statement was refused since the session is dead: its tasks are aborted, once. */
  die(error: SessionDeadError): void {
    if (this.#dead) return;
    this.#dead = true;
    this.leases.abandon(error);
    void this.#pulse.stop();
    this.events.died(error);
  }

  /** Ends the session; whatever it still holds was given back before. */
  async close(): Promise<void> {
    await this.#pulse.stop();
    this.leases.ended.abort(new Error('the worker stopped'));
    await this.leases.handle.close();
  }

  async #beat(): Promise<number> {
    try {
      this.events.owed(await this.leases.beat(this.#ttlMs));
      if (this.#failures > 0) this.events.recovered();
      this.#failures = 0;
      return this.#ttlMs / 3;
    } catch (error) {
      if (error instanceof SessionDeadError) {
        // Not awaited inside: dying stops the very pulse that this runs in.
        this.die(error);
        return this.#ttlMs;
      }
      this.events.failed(error);
      // The session's own life hangs on it: try again well before its time runs out.
      return Math.min(limits.retryMaxMs, limits.retryMinMs * 2 ** this.#failures++, this.#ttlMs / 3);
    }
  }

  // Postgres may have lost leases that it had answered (they commit asynchronously): take them again.
  async #resume(): Promise<void> {
    try {
      await persist(this.settling, () => this.leases.repeat());
    } catch (error) {
      if (error instanceof SessionDeadError) this.die(error);
      else if (!this.settling.signal.aborted) this.events.failed(error);
    }
  }
}
