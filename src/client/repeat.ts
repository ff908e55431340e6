/** Repeats a request whose outcome is unknown, for a bounded time: a caller waits for an answer, not for ever. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError } from '../core/errors.js';
import { limits } from '../runtime/limits.js';

/**
 * The request must be harmless when it arrives twice. Only a lost connection leaves the outcome unknown; any other
 * rejection is an answer. Rejects with the last ConnectionError when time is up.
 */
export async function repeatUntilAnswered<T>(
  send: () => Promise<T>,
  budgetMs: number = limits.clientRepeatMs,
): Promise<T> {
  const until = performance.now() + budgetMs;
  for (let failures = 0; ; failures++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ConnectionError) || performance.now() >= until) throw error;
    }
    await sleep(Math.min(limits.retryMaxMs, limits.retryMinMs * 2 ** failures));
  }
}
