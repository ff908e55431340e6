/**
 * How the time of a stop is shared out. Tasks in flight get most of it; the last fifth, at most 5 s, is for handing
 * back, hooks and closing, and the last of that for closing alone.
 */
const LONGEST_WRAP_UP_MS = 5_000;
/** Handing back and closing take round trips: the wrap-up has this long even if less was asked for. */
const SHORTEST_WRAP_UP_MS = 1_000;
/** What each step has at least when its turn comes late, so that it can do its work if it is quick. */
const LEAST_MS = 100;

export class StopBudget {
  readonly #drainUntil: number;
  readonly #hooksUntil: number;
  readonly #until: number;

  constructor(totalMs: number) {
    const share = Math.min(LONGEST_WRAP_UP_MS, totalMs / 5);
    const wrapUp = Math.max(SHORTEST_WRAP_UP_MS, share);
    this.#drainUntil = performance.now() + totalMs - share;
    this.#until = this.#drainUntil + wrapUp;
    this.#hooksUntil = this.#until - wrapUp / 5;
  }

  /** What tasks in flight have left. May be 0. */
  drainMs(): number {
    return Math.max(0, this.#drainUntil - performance.now());
  }

  /** What hooks and handing back have left. */
  hooksMs(): number {
    return Math.max(LEAST_MS, this.#hooksUntil - performance.now());
  }

  /** What is left in all. */
  closingMs(): number {
    return Math.max(LEAST_MS, this.#until - performance.now());
  }
}
