/** Under fake timers. */
import { vi } from 'vitest';

export const hangs = () => new Promise<never>(() => {});

/** Time goes on until the promise is settled. */
export async function through<T>(work: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  work.then(done, done);
  for (let i = 0; i < 1_000 && !settled; i++) await vi.advanceTimersByTimeAsync(100);
  return work;
}

/** What it rejects with. */
export const rejection = (work: Promise<unknown>): Promise<Error> =>
  through(
    work.then(
      () => {
        throw new Error('it resolved');
      },
      (error: Error) => error,
    ),
  );
