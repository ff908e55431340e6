/** Rings once, after any time: setTimeout takes no more than 2^31 − 1 ms, and rings at once for more. */
const LONGEST_MS = 2 ** 31 - 1;

export class Alarm {
  readonly #dueAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    afterMs: number,
    private readonly ring: () => void,
  ) {
    this.#dueAt = performance.now() + afterMs;
    this.#arm(afterMs);
  }

  /** Whether its time is over; if so it rings now, should it not have rung yet. */
  ringIfDue(): boolean {
    if (performance.now() < this.#dueAt) return false;
    this.clear();
    this.ring();
    return true;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #arm(afterMs: number): void {
    this.#timer = setTimeout(() => this.#wake(), Math.min(LONGEST_MS, afterMs));
  }

  #wake(): void {
    const leftMs = this.#dueAt - performance.now();
    // Timers count whole milliseconds, and may be a fraction of one early.
    if (leftMs < 1) this.ring();
    else this.#arm(leftMs);
  }
}
