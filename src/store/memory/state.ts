/**
 * The truth in memory: what a database would be to the processes that share it. Every verb on it runs in one step
 * that nothing interrupts, which is all the locking that there is.
 */
import type { SessionKey } from '../../core/model.js';
import { type Shared, Space } from './space.js';

export interface MemoryStateOptions {
  /** Tells the time, in ms since the epoch; tests inject a clock that they turn by hand. @default Date.now */
  readonly now?: () => number;
}

export class MemoryState implements Shared {
  readonly #spaces = new Map<string, Space>();
  readonly #clock: () => number;
  #latest = Number.NEGATIVE_INFINITY;
  #keys = 0;

  constructor({ now = Date.now }: MemoryStateOptions = {}) {
    this.#clock = now;
  }

  /** Never goes back, whatever the clock does: stamps are compared. */
  now(): number {
    this.#latest = Math.max(this.#latest, this.#clock());
    return this.#latest;
  }

  nextKey(): number {
    return ++this.#keys;
  }

  space(namespace: string): Space {
    let space = this.#spaces.get(namespace);
    if (space === undefined) {
      space = new Space(this, namespace);
      this.#spaces.set(namespace, space);
    }
    return space;
  }

  /** Whether nothing of the namespace is ready or leased: only time, a signal or control moves anything now. */
  isIdle(namespace: string): boolean {
    return this.space(namespace).idle;
  }

  /** Simulates the death of a session's process: whoever looks sees its lock free. Unknown keys are ignored. */
  abandon(session: SessionKey): void {
    for (const space of this.#spaces.values()) {
      const found = space.sessions.get(session);
      if (found !== undefined) found.abandoned = true;
    }
  }
}
