/**
 * One queue in memory. First in, first out; what is given back, or was in the hands of a consumer that is gone,
 * comes before everything that nobody has had yet, in its old order.
 */

/** A message and its place. */
export interface Entry {
  /** Counts up with each message of the queue. */
  readonly place: number;
  readonly bytes: Uint8Array;
  /** Somebody had it, and didn't ack it. */
  redelivered: boolean;
}

/** Takes entries while it has room for them. */
export interface Taker {
  readonly hasRoom: boolean;
  take(entry: Entry): void;
  /** The queue is gone, with everything in it and everything that was taken from it. */
  queueDeleted(): void;
}

export class InProcessQueue {
  /** Back from somebody, by place: all older than what is in `fresh`. */
  readonly #returned: Entry[] = [];
  #fresh: Entry[] = [];
  /** Everything before it in `fresh` was taken. */
  #head = 0;
  #places = 0;
  #takers: Taker[] = [];
  #scheduled = false;

  get ready(): number {
    return this.#returned.length + this.#fresh.length - this.#head;
  }

  get consumers(): number {
    return this.#takers.length;
  }

  put(bytes: Uint8Array): void {
    this.#fresh.push({ place: this.#places++, bytes, redelivered: false });
    this.offer();
  }

  putBack(entry: Entry): void {
    entry.redelivered = true;
    const at = this.#returned.findIndex(({ place }) => place > entry.place);
    this.#returned.splice(at === -1 ? this.#returned.length : at, 0, entry);
    this.offer();
  }

  join(taker: Taker): void {
    this.#takers.push(taker);
    this.offer();
  }

  leave(taker: Taker): void {
    this.#takers = this.#takers.filter((other) => other !== taker);
  }

  delete(): void {
    this.#returned.length = 0;
    this.#fresh = [];
    this.#head = 0;
    for (const taker of this.#takers.splice(0)) taker.queueDeleted();
  }

  /** Never hands out before the caller has returned: nobody is delivered to in the middle of their own publish. */
  offer(): void {
    if (this.#scheduled || this.#takers.length === 0 || this.ready === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#handOut();
    });
  }

  #handOut(): void {
    while (this.ready > 0) {
      const taker = this.#takers.find(({ hasRoom }) => hasRoom);
      if (taker === undefined) return;
      // To the end of the line, so that everybody gets a turn.
      this.leave(taker);
      this.#takers.push(taker);
      taker.take(this.#next());
    }
  }

  #next(): Entry {
    const returned = this.#returned.shift();
    if (returned !== undefined) return returned;
    const entry = this.#fresh[this.#head++] as Entry;
    // Cut off what was taken now and then, instead of moving everything each time.
    if (this.#head > 1_024 && this.#head * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}
