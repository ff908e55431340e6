/** Durable timers: when the process looks for what is due. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StoreClock } from '../../../src/runtime/store-clock.js';
import { Timers } from '../../../src/runtime/timers.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a timer that falls due while others are being fired is fired after them', async () => {
  const answers: (() => void)[] = [];
  const fireTimers = () =>
    new Promise<{ ready: []; nextDueAt: undefined }>((resolve) => {
      answers.push(() => resolve({ ready: [], nextDueAt: undefined }));
    });
  const failed = vi.fn();
  const timers = new Timers({ fireTimers }, new StoreClock(), () => {}, failed);
  timers.within(0);
  await vi.advanceTimersByTimeAsync(5);
  timers.within(1);
  await vi.advanceTimersByTimeAsync(5);
  expect(answers).toHaveLength(1);
  answers[0]?.();
  await vi.advanceTimersByTimeAsync(5);
  expect(answers).toHaveLength(2);
  timers.stop();
  expect(failed).not.toHaveBeenCalled();
});
