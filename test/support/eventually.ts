/** Waits for a condition: the tests' replacement for sleeping. */

export interface EventuallyOptions {
  /** Fails after this long, also when a check is still under way. 10 s when left out. */
  readonly timeoutMs?: number;
  /** Pause between two checks. 20 ms when left out. */
  readonly intervalMs?: number;
  /** What is waited for, in words: the failure's message says it. */
  readonly what?: string;
}

/**
 * Repeats the check until it neither throws nor answers with something false, and answers with what it answered.
 * `undefined` passes, so that a check may consist of expectations alone; look-ups that find nothing yet need one.
 * Rejects when the time is up, with the last error as the cause.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 20, what = 'the condition' }: EventuallyOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last = new Error('the first check never came to an end');
  for (;;) {
    const left = deadline - Date.now();
    if (left <= 0) throw new Error(`not within ${timeoutMs} ms: ${what} (${last.message})`, { cause: last });
    try {
      const answer = await within(left, check);
      if (answer === PENDING) continue;
      if (answer === undefined || answer) return answer;
      last = new Error(`the last check answered ${String(answer)}`);
    } catch (error) {
      last = error instanceof Error ? error : new Error(String(error));
    }
    await pause(Math.min(intervalMs, deadline - Date.now()));
  }
}

const PENDING = Symbol('still under way');

/** A check that hangs must not keep its waiter from saying what it waited for. */
async function within<T>(ms: number, check: () => T | Promise<T>): Promise<T | typeof PENDING> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof PENDING>((resolve) => {
    timer = setTimeout(() => resolve(PENDING), ms);
  });
  try {
    return await Promise.race([check(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(ms, 0)));
}
