import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { QueueRow } from '../../../src/core/model.js';
import { QueueWatch } from '../../../src/runtime/queue-watch.js';

let stored: QueueRow[];
let found: string[][];
let errors: unknown[];
let away: boolean;
let reads: number;
let watch: QueueWatch;

const queue = (key: number, workflow = 'mine'): QueueRow => ({
  key,
  name: `${workflow}-${key}`,
  workflow,
  hash: 'h',
  tags: [],
  priority: 3,
});
const sum = () => stored.reduce((total, { key }) => total + key, 0);

beforeEach(() => {
  vi.useFakeTimers();
  [stored, found, errors, away, reads] = [[queue(1), queue(2, 'others')], [], [], false, 0];
  watch = new QueueWatch({
    read: async () => {
      reads++;
      if (away) throw new Error('away');
      return [...stored];
    },
    fits: ({ workflow }) => workflow === 'mine',
    found: (queues) => found.push(queues.map(({ name }) => name)),
    onError: (error) => errors.push(error),
  });
});
afterEach(async () => {
  await watch.stop();
  vi.useRealTimers();
});

const aWhile = () => vi.advanceTimersByTimeAsync(60_000);

test('starts with the queues that fit', async () => {
  expect((await watch.start()).map(({ name }) => name)).toEqual(['mine-1']);
});

test('a queue whose announcement was lost is found by the next look', async () => {
  await watch.start();
  stored.push(queue(3));
  watch.compare(sum());
  await aWhile();
  expect(found).toEqual([['mine-1', 'mine-3']]);
});

test('a look that shows nothing new reads nothing', async () => {
  await watch.start();
  watch.compare(sum());
  await aWhile();
  expect(reads).toBe(1);
});

test('what could not be read is asked for again by the next look, though no queue was added', async () => {
  await watch.start();
  away = true;
  watch.wake();
  await aWhile();
  expect(errors).toHaveLength(1);
  away = false;
  watch.compare(sum());
  await aWhile();
  expect(found).toEqual([['mine-1']]);
});

test('nothing is read after the stop', async () => {
  await watch.start();
  await watch.stop();
  watch.compare(sum() + 1);
  watch.wake();
  await aWhile();
  expect(reads).toBe(1);
});
