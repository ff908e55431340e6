/** The time of one attempt: kept whatever the lease, told to the task, and over even where nobody could say so. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { TaskTimeoutError } from '../../../src/core/errors.js';
import { flow, type TaskOptions } from '../../../src/core/flow.js';
import type { TaskEvent } from '../../../src/runtime/engaged.js';
import { inMemory } from '../../support/in-memory.js';

const memory = inMemory();
afterEach(() => memory.close());

/** One task in a worker with such a lease; answers with how its attempts ended, as `outcome after ms`. */
async function worker(
  fn: (input: number, ctx: { attempt: number; signal: AbortSignal }) => unknown,
  options: TaskOptions,
  leaseTtl: string,
) {
  const workflow = flow<number>('timed').then('work', fn, options).build();
  const baton = memory.baton();
  const ended: TaskEvent[] = [];
  const own = baton.worker({ workflows: [workflow], leaseTtl, concurrency: 300 });
  own.on('task', (event) => ended.push(event));
  await own.start();
  return { ended, run: async (n: number) => baton.start(workflow, n) };
}

describe('an attempt whose time is over', () => {
  test.each(['200ms', '1h'])(
    'is told within 100 ms under a lease of %s, and what it returns is discarded',
    async (ttl) => {
      const reasons: unknown[] = [];
      let lateMs = Number.NaN;
      let late = 0;
      const { ended, run } = await worker(
        async (n, { attempt, signal }) => {
          if (attempt === 2) return n;
          const told = once(signal, 'abort').then(() => performance.now());
          // Beside a plain timer: what keeps this process from its timers keeps it from both.
          await sleep(120);
          const over = performance.now();
          lateMs = (await told) - over;
          reasons.push(signal.reason);
          await sleep(130);
          late++;
          return 'too late';
        },
        { timeout: 120, retry: { maxRetries: 1, initialDelay: 300 } },
        ttl,
      );
      const handle = await run(7);
      expect(await handle.result()).toBe(7);
      expect(late).toBe(1);
      expect(reasons).toEqual([expect.any(TaskTimeoutError)]);
      expect(ended.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [1, 'timed_out'],
        [2, 'completed'],
      ]);
      expect(ended[0]?.durationMs).toBeGreaterThanOrEqual(119);
      expect(lateMs).toBeLessThanOrEqual(100);
    },
  );

  test('is one of many: of 300 at once each ends by itself, and the worker goes on', async () => {
    const { ended, run } = await worker(() => sleep(2_000), { timeout: 200 }, '30s');
    const handles = await Promise.all(Array.from({ length: 300 }, (_, n) => run(n)));
    const errors = await Promise.all(handles.map((handle) => handle.result().catch((error: Error) => error)));
    expect(errors).toSatisfy((all: Error[]) =>
      all.every((error) => (error.cause as Error).name === 'TaskTimeoutError'),
    );
    expect(ended).toHaveLength(300);
    expect(ended.every(({ outcome }) => outcome === 'timed_out')).toBe(true);
  });

  test('has failed, also where it held up the event loop and returned before any timer could ring', async () => {
    const { ended, run } = await worker(
      (n, { attempt }) => {
        if (attempt === 1) hold(150);
        return n;
      },
      { timeout: 100, retry: { maxRetries: 1, initialDelay: 0 } },
      '30s',
    );
    expect(await (await run(5)).result()).toBe(5);
    expect(ended.map(({ outcome }) => outcome)).toEqual(['timed_out', 'completed']);
  });
});

test('a time that setTimeout cannot count is as long as it says', async () => {
  const { ended, run } = await worker(() => sleep(50, 'done'), { timeout: '60d' }, '30s');
  expect(await (await run(1)).result()).toBe('done');
  expect(ended.map(({ outcome }) => outcome)).toEqual(['completed']);
});

/** Nothing else in this process moves meanwhile. */
function hold(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
