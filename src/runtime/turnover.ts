/** How fast slots turn over, measured over windows of a second. Counting is all it does: no timer. */
const WINDOW_MS = 1_000;

export class Turnover {
  #perMs = 0;
  #count = 0;
  #since = performance.now();

  /** A slot came free. */
  count(): void {
    this.#count++;
    const elapsed = performance.now() - this.#since;
    if (elapsed < WINDOW_MS) return;
    this.#perMs = this.#count / elapsed;
    this.#count = 0;
    this.#since += elapsed;
  }

  /** How many slots come free within `ms` at the pace of the last window. */
  within(ms: number): number {
    return Math.floor(this.#perMs * ms);
  }
}
