/**
 * Whether the server can be reached, told from how statements fare: there is no one connection that it could be told
 * from, and none is made to find out.
 */
import type { StoreState } from '../store.js';

export class Reachability {
  #state: StoreState = 'connecting';
  readonly #listeners = new Set<(state: StoreState) => void>();

  get state(): StoreState {
    return this.#state;
  }

  onState(listener: (state: StoreState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closed is for good. */
  become(state: StoreState): void {
    if (state === this.#state || this.#state === 'closed') return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
