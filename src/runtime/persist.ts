/**
 * Repeats a statement whose outcome is unknown, with the same tokens, until it is answered: the store was away, or
 * the connection broke before the answer. What the store refuses (data, a dead session) isn't repeated.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionDeadError, StoreRejectedError } from '../store/store.js';
import { limits } from './limits.js';

export interface Persistence {
  /** Told of every failure that is repeated, and of the first success after one. */
  failed(error: unknown): void;
  recovered(): void;
  /** Aborted when repeating is over: the session is dead, or the worker gives up at its stop. */
  readonly signal: AbortSignal;
}

/** Resolves with the answer; rejects with what can't be repeated, or with the signal's reason. */
export async function persist<T>(persistence: Persistence, send: (repeat: boolean) => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      const answer = await send(failures > 0);
      if (failures > 0) persistence.recovered();
      return answer;
    } catch (error) {
      if (error instanceof StoreRejectedError || error instanceof SessionDeadError) throw error;
      persistence.failed(error);
      persistence.signal.throwIfAborted();
      await pause(Math.min(limits.retryMaxMs, limits.retryMinMs * 2 ** failures), persistence.signal);
    }
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs * (0.5 + Math.random() / 2), undefined, { signal });
  } catch {
    // Only the signal ends a sleep early; its own reason says more than the AbortError does.
    throw signal.reason;
  }
}
