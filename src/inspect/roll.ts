/** The actors that live: who comes to look late is told of them first. */
import type { InspectionEvent } from 'xstate';

/** After so many more, those that have ended are struck off. */
const SWEEP = 100;

export class Roll {
  readonly #made = new Map<string, InspectionEvent>();
  #sweepAt = SWEEP;

  get size(): number {
    return this.#made.size;
  }

  note(event: InspectionEvent): void {
    if (event.type !== '@xstate.actor') return;
    this.#made.set(event.actorRef.sessionId, event);
    if (this.#made.size < this.#sweepAt) return;
    this.#sweepAt = Number.POSITIVE_INFINITY;
    // Not now: an actor that is only being made can't be asked.
    setImmediate(() => {
      this.#sweepAt = this.living().length + SWEEP;
    });
  }

  /** How each of them was made, in that order: parents before their children. */
  living(): InspectionEvent[] {
    for (const [key, { actorRef }] of this.#made)
      if (actorRef.getSnapshot()?.status !== 'active') this.#made.delete(key);
    return [...this.#made.values()];
  }
}
