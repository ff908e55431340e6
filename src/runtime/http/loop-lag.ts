/**
 * How long the event loop stood still: a timer that fires late tells. The worst of the last ten seconds counts, so that
 * a probe that asks every ten seconds sees every block, though it is only answered once that is over.
 */
const TICK_MS = 500;
const REMEMBERED = 20;

export class LoopLag {
  readonly #late: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;

  start(): void {
    this.#dueAt = performance.now() + TICK_MS;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#late.length = 0;
  }

  /** The longest block of the last ten seconds, one that isn't over included. */
  worstMs(): number {
    return Math.max(0, performance.now() - this.#dueAt, ...this.#late);
  }

  #tick(): void {
    const now = performance.now();
    this.#late.push(now - this.#dueAt);
    if (this.#late.length > REMEMBERED) this.#late.shift();
    this.#dueAt = now + TICK_MS;
  }
}
