/**
 * Notices when the process stood still: a task that holds up the event loop, or a host that froze it. Meanwhile there
 * are no heartbeats, timeouts nor signals, so a lease may run out under tasks that did nothing wrong. Only a timer that
 * comes late can tell, so it is told afterwards; what is at work then was at work before.
 */
import { span } from '../core/span.js';
import { limits } from './limits.js';

export class LoopWatch {
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;

  /** @param stoodStill told for how long it was, in ms */
  constructor(private readonly stoodStill: (ms: number) => void) {}

  start(): void {
    const everyMs = limits.loopWatchMs;
    this.#dueAt = performance.now() + everyMs;
    this.#timer = setInterval(() => this.#tick(everyMs), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  // It may have stood still from the last tick on, or only since this one was due: what is known for sure is told.
  #tick(everyMs: number): void {
    const lateMs = performance.now() - this.#dueAt;
    this.#dueAt = performance.now() + everyMs;
    if (lateMs >= limits.stoodStillMs) this.stoodStill(lateMs);
  }
}

/** What the log says of it. */
export function standstill(ms: number, leaseTtlMs: number): string {
  const lease = ms < leaseTtlMs ? '' : `, longer than its leases (${span(leaseTtlMs)}): what it held may run elsewhere`;
  return `nothing moved in this process for ${span(ms)}${lease}; a task that computes for long belongs in a worker thread`;
}
