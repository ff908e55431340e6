import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, RunFailedError, RunNotFoundError } from '../../../src/core/errors.js';
import { branch, flow, LoopResult, signal, task } from '../../../src/core/flow.js';
import { createHarness, type Harness, pathOf, RunStuckError, stepsOf } from '../../../src/testing/index.js';

const HOUR = 3_600_000;
const approval = signal<'ship' | 'refund'>('approval');
let flaky: number;

const nap = flow<number>('nap')
  .delay('long', '24h')
  .then('plus', (n) => n + 1)
  .build();
const asking = flow<number>('asking')
  .waitForSignal(approval, { timeout: '2h' })
  .then('word', (answer) => (answer.timedOut ? 'late' : answer.payload))
  .build();
const waiting = flow<number>('waiting').waitForSignal(approval).build();
const retrying = flow<number>('retrying')
  .then(
    task(
      'flaky',
      async () => {
        if (--flaky >= 0) throw new Error('not yet');
        return 'at last';
      },
      { retry: { maxRetries: 3, initialDelay: '1h' } },
    ),
  )
  .build();
/** When each branch went on, by the harness's own clock. */
const woken: [string, number][] = [];
const parallel = flow<number>('parallel')
  .fork(
    (['3h', '1h', '2h'] as const).map((time) =>
      branch(
        `after-${time}`,
        flow<number>(`after-${time}`)
          .delay(`rest-${time}`, time)
          .then(`note-${time}`, () => void woken.push([time, harness.now().getTime()])),
      ),
    ),
  )
  .join('all', () => 'done')
  .build();
const everything = flow<number>('everything')
  .then('list', (n) => [n, n + 1])
  .map('double', (n) => n * 2)
  .fork([branch('sum', (ns) => (ns[0] ?? 0) + (ns[1] ?? 0)), branch('count', (ns) => ns.length)])
  .join('both', ([sum]) => sum)
  .loop('grow', (n) => (n < 20 ? LoopResult.again(n * 2) : LoopResult.done(n)))
  .route((n) => (n > 20 ? 'big' : 'small'), ['big', 'small'])
  .branch(
    'big',
    flow<number>('big')
      .delay('rest', '1h')
      .then('shrink', (n) => n - 20),
  )
  .branch('small', (n) => n)
  .done()
  .build();
const slow = flow<number>('slow')
  .then('real', async (n) => {
    await sleep(30);
    return n;
  })
  .build();

let harness: Harness;
beforeEach(async () => {
  flaky = 2;
  woken.length = 0;
  harness = await createHarness({
    workflows: [nap, asking, waiting, retrying, parallel, everything, slow],
    startAt: new Date('2026-01-01T00:00:00Z'),
  });
});
afterEach(() => harness.close());

describe('the clock', () => {
  test('stands still until it is turned, and a delay ends when it is due and not before', async () => {
    const run = await harness.start(nap, 1);
    await harness.settle();
    expect(await run.status()).toEqual({ status: 'waiting', node: 'long', until: new Date('2026-01-02T00:00:00Z') });
    await harness.advance(24 * HOUR - 1);
    expect((await run.status()).status).toBe('waiting');
    await harness.advance(1);
    expect(await run.status()).toEqual({ status: 'completed', output: 2 });
    expect(harness.now()).toEqual(new Date('2026-01-02T00:00:00Z'));
  });

  test('stops at each instant on the way, in their order, and what follows happens then', async () => {
    const run = await harness.start(parallel, 1);
    await harness.advance('1d');
    const start = Date.parse('2026-01-01T00:00:00Z');
    expect(woken).toEqual([
      ['1h', start + HOUR],
      ['2h', start + 2 * HOUR],
      ['3h', start + 3 * HOUR],
    ]);
    const { finishedAt } = await run.describe();
    expect(finishedAt).toEqual(new Date(start + 3 * HOUR));
  });

  test('takes no real time, however far and over however many instants it is turned', async () => {
    const runs = await Promise.all(Array.from({ length: 300 }, (_, i) => harness.start(nap, i)));
    const startedAt = performance.now();
    await harness.advance('400d');
    expect(await Promise.all(runs.map((run) => run.result()))).toEqual(runs.map((_, i) => i + 1));
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    // The engine's own session has lasted for more than a year by now, and works on.
    expect(await harness.runToEnd(nap, 7)).toBe(8);
  });
});

describe('signals', () => {
  test('one in time is taken, and the timeout is gone', async () => {
    const run = await harness.start(asking, 1);
    await harness.advance('1h');
    await run.signal(approval, 'ship');
    await harness.settle();
    expect(await run.status()).toEqual({ status: 'completed', output: 'ship' });
    await harness.advance('2h');
  });

  test('without one the timeout fires when it is due', async () => {
    const run = await harness.start(asking, 1);
    await harness.advance('119m');
    expect((await run.status()).status).toBe('awaiting_signal');
    await harness.advance('1m');
    expect(await run.result()).toBe('late');
  });
});

describe('running to the end', () => {
  test('turns the clock as far as it takes, and no further', async () => {
    expect(await harness.runToEnd(everything, 4)).toEqual({ branch: 'big', result: 16 });
    expect(harness.now()).toEqual(new Date('2026-01-01T01:00:00Z'));
    expect(await harness.runToEnd(slow, 3)).toBe(3);
  });

  test('goes through back-offs, and rejects as result() does', async () => {
    expect(await harness.runToEnd(retrying, 1)).toBe('at last');
    expect(harness.now()).toEqual(new Date('2026-01-01T03:00:00Z'));
    flaky = 9;
    await expect(harness.runToEnd(await harness.start(retrying, 1))).rejects.toThrow(RunFailedError);
  });

  test('says what a run waits for that no time brings', async () => {
    const run = await harness.start(waiting, 1, { id: 'w' });
    await expect(harness.runToEnd(run)).rejects.toThrow(RunStuckError);
    await expect(harness.runToEnd(run)).rejects.toThrow(
      'no time that passes ends run "w": it waits for signal approval at approval; send it with run.signal()',
    );
    await run.pause();
    await expect(harness.runToEnd(run)).rejects.toThrow(/is paused; go on with run\.resume\(\)/);
    await run.resume();
    await run.signal(approval, 'ship');
    expect(await harness.runToEnd(run)).toBe('ship');
  });
});

describe('the path', () => {
  test('is the same every time: branches in their order, joins, maps and loops after what they hold', async () => {
    const run = await harness.start(everything, 4);
    await harness.settle();
    expect(await pathOf(run)).toEqual([
      'list',
      'double',
      'double',
      'double',
      'sum',
      'count',
      'both',
      'grow',
      'grow',
      'route',
      'rest (delayed)',
    ]);
    await harness.runToEnd(run);
    expect((await pathOf(run)).slice(-2)).toEqual(['rest', 'shrink']);
    expect((await stepsOf(run))[0]).toEqual({ id: 'list', kind: 'task', path: '/0', state: 'completed', attempt: 1 });
  });

  test('tells attempts, and how far a step is that is not completed', async () => {
    const run = await harness.start(retrying, 1);
    await harness.settle();
    expect(await pathOf(run)).toEqual(['flaky (2 attempts, backing_off)']);
    await harness.runToEnd(run);
    expect(await pathOf(run)).toEqual(['flaky (3 attempts)']);
  });
});

describe('a harness', () => {
  test('starts only what it was made with', async () => {
    const other = flow<number>('other').delay('d', 1).build();
    expect(() => harness.start(other, 1)).toThrow(/no workflow other: name it in createHarness/);
    await expect(harness.run('nobody').status()).rejects.toThrow(RunNotFoundError);
  });

  test.each([[{ startAt: 'soon' }], [{ clock: 1 }]])('refuses the options %j', async (options) => {
    await expect(createHarness({ workflows: [nap], ...options } as never)).rejects.toThrow(ConfigError);
  });

  test('that is closed tells what still runs to stop', async () => {
    let aborted = false;
    const hanging = flow<number>('hanging')
      .then('hang', (_, ctx) => new Promise(() => ctx.signal.addEventListener('abort', () => (aborted = true))))
      .build();
    const own = await createHarness({ workflows: [hanging] });
    const run = await own.start(hanging, 1);
    await expect.poll(async () => (await run.describe()).nodes[0]?.state).toBe('leased');
    await own.close();
    expect(aborted).toBe(true);
  });
});
