/** So many at once; the others wait in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Resolves with what gives the turn back; with undefined when the signal fired first. */
  async take(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#free > 0) this.#free--;
    else if (!(await this.#called(signal))) return undefined;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#next();
    };
  }

  /** A turn goes from hand to hand: nobody who comes now is before those who wait. */
  #next(): void {
    const called = this.#waiting.shift();
    if (called === undefined) this.#free++;
    else called();
  }

  #called(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const left = () => {
        this.#waiting.splice(this.#waiting.indexOf(called), 1);
        resolve(false);
      };
      const called = () => {
        signal.removeEventListener('abort', left);
        resolve(true);
      };
      this.#waiting.push(called);
      signal.addEventListener('abort', left, { once: true });
    });
  }
}
