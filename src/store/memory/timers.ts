/** What falls due, earliest first: a binary heap, whose forgotten entries are skipped when they come up. */
import type { MemoryRow, Timer } from './rows.js';

/** Below this many forgotten entries, tidying up isn't worth a look. */
const TIDY_AT = 1_024;

export class Timers {
  #heap: Timer[] = [];
  #forgotten = 0;
  #rank = 0;

  /** A row has at most one timer: a new one replaces it. */
  set(row: MemoryRow, dueAt: number): void {
    this.clear(row);
    const timer: Timer = { row, dueAt, rank: this.#rank++ };
    row.timer = timer;
    this.#push(timer);
  }

  clear(row: MemoryRow): void {
    if (row.timer === undefined) return;
    row.timer = undefined;
    this.#forgotten++;
    if (this.#forgotten > TIDY_AT && this.#forgotten > this.#heap.length / 2) this.#tidy();
  }

  earliest(): number | undefined {
    while (this.#heap[0] !== undefined && !isSet(this.#heap[0])) {
      this.#pop();
      this.#forgotten--;
    }
    return this.#heap[0]?.dueAt;
  }

  /** Takes the earliest row that is due at `now`, if there is one. */
  takeDue(now: number): MemoryRow | undefined {
    const dueAt = this.earliest();
    if (dueAt === undefined || dueAt > now) return undefined;
    const { row } = this.#pop();
    row.timer = undefined;
    return row;
  }

  #tidy(): void {
    const kept = this.#heap.filter(isSet);
    this.#heap = [];
    this.#forgotten = 0;
    for (const timer of kept) this.#push(timer);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent] as Timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const top = heap[0] as Timer;
    const last = heap.pop() as Timer;
    if (heap.length > 0) this.#sink(last);
    return top;
  }

  #sink(timer: Timer): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!isBefore(heap[child] as Timer, timer)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = timer;
  }
}

const isSet = (timer: Timer): boolean => timer.row.timer === timer;
const isBefore = (a: Timer, b: Timer): boolean => (a.dueAt === b.dueAt ? a.rank < b.rank : a.dueAt < b.dueAt);
