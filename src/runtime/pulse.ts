/**
 * Work that repeats: one run at a time, the next after the pause that the last one asked for, or at once when
 * woken. A pulse that is woken while it runs runs once more. After an infinite pause it runs only when woken.
 */
export class Pulse {
  #timeout: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  /** @param work answers with the pause until its next run, in ms; it must not reject */
  constructor(private readonly work: () => Promise<number>) {}

  /** The first run comes after `delayMs`. */
  start(delayMs = 0): void {
    this.#stopped = false;
    this.#arm(delayMs);
  }

  wake(): void {
    if (this.#stopped) return;
    if (this.#running === undefined) this.#arm(0);
    else this.#again = true;
  }

  /** Resolves when the run under way is over; none follows. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timeout);
    await this.#running;
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timeout);
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.#timeout = setTimeout(() => {
      this.#running = this.#run();
    }, delayMs);
  }

  async #run(): Promise<void> {
    this.#again = false;
    const delayMs = await this.work();
    this.#running = undefined;
    if (!this.#stopped) this.#arm(this.#again ? 0 : delayMs);
  }
}
