/**
 * What waits in the queues, asked of the broker when somebody scrapes: once at a time, not more often than every few
 * seconds, and never waited for long. What the broker doesn't say is left out: an old figure would look like a true one.
 */
import type { QueueState } from '../engine.js';
import { limited } from '../time-limit.js';

const FRESH_MS = 2_000;
const LIMIT_MS = 1_000;

export class QueueDepths {
  #answer: readonly QueueState[] = [];
  #answeredAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<readonly QueueState[]> | undefined;

  constructor(private readonly ask: () => Promise<readonly QueueState[]>) {}

  /** Resolves within a second, and never rejects. */
  async read(): Promise<readonly QueueState[]> {
    if (performance.now() - this.#answeredAt < FRESH_MS) return this.#answer;
    this.#asking ??= this.#refresh().finally(() => {
      this.#asking = undefined;
    });
    return limited(() => this.#asking ?? [], { what: 'asking for queue depths', limitMs: LIMIT_MS }).catch(() => []);
  }

  async #refresh(): Promise<readonly QueueState[]> {
    try {
      this.#answer = await this.ask();
      this.#answeredAt = performance.now();
      return this.#answer;
    } catch {
      // The broker is away: the breaker's metrics and the log say so.
      return [];
    }
  }
}
