/** Waits for what may hang, for a limited time. */
import { BatonError } from '../core/errors.js';

/** Something was given up because it took too long. It may still be going on. */
export class TimeLimitError extends BatonError {
  constructor(
    readonly what: string,
    readonly limitMs: number,
  ) {
    super('TIME_LIMIT', `${what} took longer than ${Math.round(limitMs)} ms and was given up`);
  }
}

export interface TimeLimit<T> {
  /** Whose time it is, for the error. */
  readonly what: string;
  /** None when left out: only the signal ends the wait then. */
  readonly limitMs?: number;
  /** Once it is aborted, the work has `graceMs` left to end by itself. */
  readonly signal?: AbortSignal;
  /** @default 0 */
  readonly graceMs?: number;
  /** What becomes of a result that nobody waits for any more. A late failure was told already, by giving up. */
  readonly late?: (value: T) => void;
}

/**
 * Resolves or rejects as the work does, or rejects with TimeLimitError or the signal's reason. The work's own signal
 * is aborted in both cases.
 */
export async function limited<T>(
  work: (signal: AbortSignal) => T | Promise<T>,
  { what, limitMs, signal, graceMs = 0, late }: TimeLimit<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const control = new AbortController();
  const begun = (async () => work(control.signal))();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = (reason: unknown) => {
      control.abort(reason);
      reject(reason);
    };
    onAbort = () => {
      control.abort(signal?.reason);
      clearTimeout(timer);
      timer = setTimeout(giveUp, graceMs, signal?.reason);
    };
    if (limitMs !== undefined) timer = setTimeout(() => giveUp(new TimeLimitError(what, limitMs)), limitMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  let ended = false;
  begun.then(
    (value) => ended && late?.(value),
    () => undefined,
  );
  try {
    return await Promise.race([begun, givenUp]);
  } finally {
    ended = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
