/** Does something soon after it is said to be due, once however often that is said, and never more often than it should. */
export class Pace {
  #timer: NodeJS.Timeout | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly everyMs: number,
    private readonly act: () => void,
  ) {}

  due(): void {
    if (this.#timer !== undefined) return;
    const inMs = Math.max(0, this.#last + this.everyMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = performance.now();
      this.act();
    }, inMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
