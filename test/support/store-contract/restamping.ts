import { expect } from 'vitest';
import type { WorldTest } from './theme.js';
import { sortedPaths, type Worker, type World } from './world.js';

const HOUR = 3_600_000;

/** The watermark: everything stamped before now counts as delivered or lost. */
const now = async (world: World) => [{ queue: world.queue.key, publishedBefore: await world.now() }];

async function restamped(world: World, worker: Worker): Promise<string[]> {
  const owed = await now(world);
  const seen = (await worker.store.look(worker.key, { owed })).owed;
  const rows = await worker.store.restamp(worker.key, owed, 100);
  // Looking and stamping agree on what is owed.
  expect(seen).toEqual(rows.length > 0 ? [world.queue.key] : []);
  return sortedPaths(rows);
}

export function restamping(test: WorldTest): void {
  test('ready rows stamped before the watermark are stamped anew, later ones and other states are not', async ({
    world,
  }) => {
    const worker = await world.worker({ ttlMs: 100 * HOUR });
    const { run, ready } = await world.started({ activations: [...world.fork('/0', 2), world.delayed('/1', HOUR)] });
    await worker.lease(run, '/0/b1/0');
    await world.advance(10_000);
    const owed = await now(world);
    const later = await world.begin();
    const rows = await worker.store.restamp(worker.key, owed, 100);
    expect(rows).toMatchObject([{ run, path: '/0/b0/0', queue: world.queue.key, losses: 0 }]);
    expect(rows[0]?.publishedAt).toBeGreaterThanOrEqual(owed[0]?.publishedBefore as number);
    expect((rows[0]?.publishedAt as number) - (rows[0]?.readyAt as number)).toBeGreaterThanOrEqual(9_999);
    expect(ready.find(({ path }) => path === '/0/b0/0')?.publishedAt).toBeLessThan(rows[0]?.publishedAt as number);
    expect((await world.row(later, '/0')).state).toBe('ready');
  });

  test('only queues that were asked about are looked at, each behind its own watermark', async ({ world }) => {
    const worker = await world.worker();
    const [other] = await world.store.ensureQueues([{ ...world.queue, priority: 1 }]);
    const key = other?.key as number;
    const [run, beside] = [await world.begin(), await world.begin(world.ready('/0', { queue: key }))];
    await world.advance(10_000);
    const at = await world.now();
    const stale = { queue: world.queue.key, publishedBefore: at - 60_000 };
    expect(await worker.store.look(worker.key, { owed: [stale] })).toMatchObject({ owed: [] });
    expect(await worker.store.restamp(worker.key, [], 100)).toEqual([]);
    const owed = [stale, { queue: key, publishedBefore: at }];
    expect(await worker.store.look(worker.key, { owed })).toMatchObject({ owed: [key] });
    expect(await worker.store.restamp(worker.key, owed, 100)).toMatchObject([{ run: beside, queue: key }]);
    expect(await worker.store.restamp(worker.key, [{ ...stale, publishedBefore: at }], 100)).toMatchObject([{ run }]);
  });

  test('what was stamped anew is left alone for 5 s, then for 10, doubling up to 60', async ({ world }) => {
    const worker = await world.worker({ ttlMs: 100 * HOUR });
    await world.begin();
    await world.advance(1_000);
    expect(await restamped(world, worker)).toEqual(['/0']);
    for (const quiet of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      await world.advance(quiet * 0.8);
      expect(await restamped(world, worker), `within ${quiet} ms`).toEqual([]);
      await world.advance(quiet * 0.2 + 1);
      expect(await restamped(world, worker), `after ${quiet} ms`).toEqual(['/0']);
    }
  });

  test('becoming ready anew starts the doubling anew', async ({ world }) => {
    const worker = await world.worker({ ttlMs: 100 * HOUR });
    const run = await world.begin();
    for (const wait of [1_000, 6_000, 11_000, 21_000]) {
      await world.advance(wait);
      expect(await restamped(world, worker)).toEqual(['/0']);
    }
    const lease = await worker.lease(run, '/0');
    await worker.store.handBack(worker.key, [lease]);
    await world.advance(1_000);
    expect(await restamped(world, worker)).toEqual(['/0']);
    await world.advance(6_000);
    expect(await restamped(world, worker)).toEqual(['/0']);
  });

  test('no more rows are stamped than asked for, and workers that do it at once share them', async ({ world }) => {
    const workers = [await world.worker(), await world.rival()];
    const runs = await Promise.all(Array.from({ length: 40 }, () => world.begin()));
    await world.advance(10_000);
    const owed = await now(world);
    const rounds = await Promise.all(
      [0, 1, 0, 1, 0, 1].map((i) => (workers[i] as Worker).store.restamp((workers[i] as Worker).key, owed, 9)),
    );
    for (const rows of rounds) expect(rows.length).toBeLessThanOrEqual(9);
    const seen = rounds.flat().map(({ run }) => run);
    expect(new Set(seen).size).toBe(seen.length);
    for (const worker of workers)
      seen.push(...(await worker.store.restamp(worker.key, owed, 100)).map(({ run }) => run));
    expect([...seen].sort()).toEqual([...runs].sort());
  });

  test('who stamps a row owes it: when that session dies it is stamped at once', async ({ world }) => {
    const [judge, worker] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    await world.advance(1_000);
    expect(await restamped(world, worker)).toEqual(['/0']);
    await world.kill(worker, judge);
    expect((await judge.store.sweep(judge.key, { limit: 10, poisonAt: 5 })).ready).toMatchObject([
      { run, path: '/0', losses: 0 },
    ]);
  });
}
