/**
 * Publishes what callers have started in transactions of their own: each commit is heard by every worker, and the
 * first to ask has it. A worker that heard nothing asks when its session begins, and the watermark sees the rest.
 */
import type { SessionKey } from '../core/model.js';
import type { Store } from '../store/store.js';
import type { Dispatcher } from './dispatch.js';
import { limits } from './limits.js';
import { Pulse } from './pulse.js';
import type { Timers } from './timers.js';

export interface ClaimsOptions {
  readonly store: Pick<Store, 'claim'>;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly session: () => SessionKey | undefined;
  readonly onError: (error: unknown) => void;
}

export class Claims {
  /** However much is heard meanwhile: one question at a time. */
  readonly #pulse = new Pulse(() => this.#turn());

  constructor(private readonly options: ClaimsOptions) {}

  start(): void {
    this.#pulse.start();
  }

  /** Something may be there. */
  wake(): void {
    this.#pulse.wake();
  }

  stop(): Promise<void> {
    return this.#pulse.stop();
  }

  async #turn(): Promise<number> {
    const { store, dispatcher, timers, onError } = this.options;
    const session = this.options.session();
    // The next session asks when it begins.
    if (session === undefined) return Number.POSITIVE_INFINITY;
    try {
      const { ready, nextDueAt } = await store.claim(session, limits.claimLimit);
      if (nextDueAt !== undefined) timers.at(nextDueAt);
      await dispatcher.dispatch(ready);
      return ready.length < limits.claimLimit ? Number.POSITIVE_INFINITY : 0;
    } catch (error) {
      onError(error);
      return Number.POSITIVE_INFINITY;
    }
  }
}
