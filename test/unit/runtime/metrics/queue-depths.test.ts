import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { QueueState } from '../../../../src/runtime/engine.js';
import { QueueDepths } from '../../../../src/runtime/metrics/queue-depths.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const queue = { key: 1, name: 'q', workflow: 'w', hash: 'h', tags: [], priority: 3 as const };
const state = (ready: number): QueueState[] => [{ queue, ready, consumers: 1 }];

test('whoever asks at the same time, or within two seconds, shares one answer', async () => {
  let asked = 0;
  const depths = new QueueDepths(async () => state(++asked));
  expect(await Promise.all([depths.read(), depths.read()])).toEqual([state(1), state(1)]);
  await vi.advanceTimersByTimeAsync(1_900);
  expect(await depths.read()).toEqual(state(1));
  await vi.advanceTimersByTimeAsync(200);
  expect(await depths.read()).toEqual(state(2));
});

test('a broker that does not answer is waited for a second, once, and nothing old is shown', async () => {
  let asked = 0;
  let answer = (_: QueueState[]) => {};
  const depths = new QueueDepths(() => {
    asked++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  for (const round of [1, 2]) {
    const read = depths.read();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([round, await read, asked]).toEqual([round, [], 1]);
  }
  answer(state(5));
  await vi.advanceTimersByTimeAsync(0);
  expect(await depths.read()).toEqual(state(5));
});

test('a broker that refuses leaves the queues out, until it answers', async () => {
  let away = true;
  const depths = new QueueDepths(async () => {
    if (away) throw new Error('down');
    return state(3);
  });
  expect(await depths.read()).toEqual([]);
  away = false;
  expect(await depths.read()).toEqual(state(3));
});
