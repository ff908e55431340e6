/**
 * Durable timers, event-driven: sleep until the next one is due, fire what is due, sleep again. The store's clock
 * counts; a wake-up that comes a moment too early finds nothing and learns when to come back.
 */
import type { ReadyActivation } from '../core/model.js';
import { limits } from './limits.js';
import type { StoreClock } from './store-clock.js';

export interface TimerStore {
  fireTimers(
    limit: number,
  ): Promise<{ readonly ready: readonly ReadyActivation[]; readonly nextDueAt: number | undefined }>;
}

/** setTimeout takes no more than 2^31 − 1 ms, and clocks drift: look again within the hour. */
const LONGEST_MS = 3_600_000;

export class Timers {
  #timeout: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #firing = false;
  /** Rang while others were being fired, perhaps too late for their look. */
  #again = false;
  #stopped = false;

  constructor(
    private readonly store: TimerStore,
    private readonly clock: StoreClock,
    private readonly dispatch: (ready: readonly ReadyActivation[]) => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** A timer falls due in `ms` from now: wake up for it, unless an earlier one is set. */
  within(ms: number): void {
    this.at(this.clock.now() + Math.max(0, ms));
  }

  /** The same for an instant of the store's clock. */
  at(dueAt: number): void {
    if (this.#stopped || dueAt >= this.#wakeAt) return;
    clearTimeout(this.#timeout);
    this.#wakeAt = dueAt;
    const delay = Math.min(LONGEST_MS, Math.max(1, Math.ceil(dueAt - this.clock.now())));
    this.#timeout = setTimeout(() => void this.#fire(), delay);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timeout);
  }

  async #fire(): Promise<void> {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#again = this.#firing;
    if (this.#firing || this.#stopped) return;
    this.#firing = true;
    try {
      const { ready, nextDueAt } = await this.store.fireTimers(limits.timerBatch);
      this.dispatch(ready);
      if (nextDueAt !== undefined) this.at(nextDueAt);
    } catch (error) {
      this.onError(error);
      this.within(limits.retryMaxMs);
    } finally {
      this.#firing = false;
      if (this.#again) this.within(0);
    }
  }
}
