/**
 * How long the event loop stood still: a task that holds it up, or a host that froze it. Meanwhile there are no
 * heartbeats, timeouts nor signals, so a lease may run out under tasks that did nothing wrong. Only a timer that comes
 * late can tell, so it is told afterwards; what is at work then was at work before.
 */
import { span } from '../core/span.js';
import { limits } from './limits.js';

/** A probe that asks every ten seconds sees every block, though it is only answered once that is over. */
const REMEMBERED_MS = 10_000;

export class LoopLag {
  readonly #late: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  /** @param stoodStill told of every block that is worth telling, and for how long it was, in ms */
  constructor(private readonly stoodStill: (ms: number) => void = () => {}) {}

  start(): void {
    const everyMs = limits.loopWatchMs;
    this.#dueAt = performance.now() + everyMs;
    this.#timer = setInterval(() => this.#tick(everyMs), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#late.length = 0;
  }

  /** The longest block of the last ten seconds, one that isn't over included. */
  worstMs(): number {
    return Math.max(0, performance.now() - this.#dueAt, ...this.#late);
  }

  // It may have stood still from the last tick on, or only since this one was due: what is known for sure is told.
  #tick(everyMs: number): void {
    const lateMs = performance.now() - this.#dueAt;
    this.#dueAt = performance.now() + everyMs;
    this.#late.push(lateMs);
    if (this.#late.length > REMEMBERED_MS / everyMs) this.#late.shift();
    if (lateMs >= limits.stoodStillMs) this.stoodStill(lateMs);
  }
}

/** What the log says of it. */
export function standstill(ms: number, leaseTtlMs: number): string {
  const lease = ms < leaseTtlMs ? '' : `, longer than its leases (${span(leaseTtlMs)}): what it held may run elsewhere`;
  return `nothing moved in this process for ${span(ms)}${lease}; a task that computes for long belongs in a worker thread`;
}
