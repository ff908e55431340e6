/** The store's clock as this process estimates it: every instant in rows and messages is by that clock. */
export class StoreClock {
  #offsetMs = 0;

  /** The store said that it is `now`, in an answer to a request sent at `sentAt` and received at `receivedAt`. */
  learn(now: number, sentAt: number, receivedAt: number): void {
    this.#offsetMs = now - (sentAt + receivedAt) / 2;
  }

  now(): number {
    return Date.now() + this.#offsetMs;
  }
}
