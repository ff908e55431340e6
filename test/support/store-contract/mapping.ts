import { expect } from 'vitest';
import type { LeaseRef } from '../../../src/store/store.js';
import type { WorldTest } from './theme.js';
import { arriveAt, bytes, completion, paths, ref, sortedPaths, text, type Worker, type World } from './world.js';

const range = (from: number, next: number) => Array.from({ length: next - from }, (_, i) => from + i);
const element = (n: number, suffix: string) => `/0#${n}${suffix}`;

interface Chunk {
  readonly from: number;
  readonly next: number;
  readonly total: number;
  /** A limited map: its elements wait, and this many of them become ready with the last chunk. */
  readonly running?: number;
  readonly suffix?: string;
}

function expand(world: World, worker: Worker, lease: LeaseRef, { from, next, total, running, suffix = '/0' }: Chunk) {
  const state = running === undefined ? 'ready' : 'queued';
  const activate = range(from, next).map((n) =>
    world.ready(element(n, suffix), { state, source: null, input: bytes(`element ${n}`) }),
  );
  const release = running !== undefined && next === total ? { release: { running, suffix } } : {};
  return worker.store.expand(worker.key, { ...ref(lease), activate, from, next, total, ...release });
}

export function mapping(test: WorldTest): void {
  test('elements go in by chunks, each with its own bytes, and the map becomes ready when all have arrived', async ({
    world,
  }) => {
    const worker = await world.worker();
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    const first = await expand(world, worker, lease, { from: 0, next: 2, total: 3 });
    expect(first.kind === 'expanded' && sortedPaths(first.ready)).toEqual(['/0#0/0', '/0#1/0']);
    expect((await world.row(run, '/0')).state).toBe('leased');
    const last = await expand(world, worker, lease, { from: 2, next: 3, total: 3 });
    expect(last.kind === 'expanded' && paths(last.ready)).toEqual(['/0#2/0']);
    expect((await world.row(run, '/0')).state).toBe('joining');
    expect(text((await worker.lease(run, '/0#1/0', 100)).bytes)).toBe('element 1');
    const done = await worker.commit({ run, path: '/0#1/0', number: 100 }, arriveAt('/0', 1));
    expect(done).toEqual({ kind: 'committed', ready: [] });
    await worker.complete(run, '/0#0/0', arriveAt('/0', 0));
    expect(paths((await worker.complete(run, '/0#2/0', arriveAt('/0', 2))).ready)).toEqual(['/0']);
    expect(await worker.lease(run, '/0')).toMatchObject({ pending: 0 });
  });

  test('an element of another worker may arrive while chunks are still going in', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    await expand(world, worker, lease, { from: 0, next: 2, total: 3 });
    expect((await rival.complete(run, '/0#0/0', arriveAt('/0', 0))).ready).toEqual([]);
    expect((await rival.complete(run, '/0#1/0', arriveAt('/0', 1))).ready).toEqual([]);
    expect((await world.row(run, '/0')).worker).toBe('worker');
    expect((await expand(world, worker, lease, { from: 2, next: 3, total: 3 })).kind).toBe('expanded');
    expect(paths((await rival.complete(run, '/0#2/0', arriveAt('/0', 2))).ready)).toEqual(['/0']);
  });

  test('a repeated chunk is known by the cursor, and nobody but the holder can add one', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    const chunk = { from: 0, next: 2, total: 4 };
    await expand(world, worker, lease, chunk);
    expect(await expand(world, worker, lease, chunk)).toEqual({ kind: 'expanded', ready: [] });
    expect(await expand(world, worker, lease, { from: 3, next: 4, total: 4 })).toEqual({ kind: 'lost' });
    expect(await expand(world, rival, lease, { from: 2, next: 4, total: 4 })).toEqual({ kind: 'lost' });
    await expand(world, worker, lease, { from: 2, next: 4, total: 4 });
    await rival.complete(run, '/0#3/0', arriveAt('/0', 3));
    expect(await expand(world, worker, lease, { from: 2, next: 4, total: 4 })).toEqual({ kind: 'expanded', ready: [] });
    expect(Object.keys(await world.states(run)).sort()).toEqual(['/0', '/0#0/0', '/0#1/0', '/0#2/0', '/0#3/0']);
  });

  test('who leases a half expanded map goes on at its cursor', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = ref(await worker.lease(run, '/0'));
    await expand(world, worker, lease, { from: 0, next: 2, total: 3 });
    await worker.store.handBack(worker.key, [lease]);
    await worker.complete(run, '/0#0/0', arriveAt('/0', 0));
    await worker.complete(run, '/0#1/0', arriveAt('/0', 1));
    expect(await expand(world, worker, lease, { from: 2, next: 3, total: 3 })).toEqual({ kind: 'lost' });
    const taken = await rival.lease(run, '/0');
    expect(taken).toMatchObject({ cursor: 2, pending: 1 });
    await expand(world, rival, taken, { from: 2, next: 3, total: 3 });
    expect(paths((await worker.complete(run, '/0#2/0', arriveAt('/0', 2))).ready)).toEqual(['/0']);
  });

  test('a map of one element, and one whose elements arrive in a single batch', async ({ world }) => {
    const worker = await world.worker();
    for (const total of [1, 5]) {
      const run = await world.begin();
      await expand(world, worker, await worker.lease(run, '/0'), { from: 0, next: total, total });
      const leases = await Promise.all(range(0, total).map((n) => worker.lease(run, element(n, '/0'))));
      const batch = leases.map((lease, n) => completion(lease, arriveAt('/0', n)));
      const results = await worker.store.commit(worker.key, batch);
      expect(results.flatMap((one) => (one.kind === 'committed' ? paths(one.ready) : [one.kind]))).toEqual(['/0']);
    }
  });

  test('elements of a limited map wait for the last chunk, then become ready in order, one for each that arrives', async ({
    world,
  }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    const limited = { total: 6, running: 2 };
    expect(await expand(world, worker, lease, { from: 0, next: 4, ...limited })).toEqual({
      kind: 'expanded',
      ready: [],
    });
    const last = await expand(world, worker, lease, { from: 4, next: 6, ...limited });
    expect(last.kind === 'expanded' && sortedPaths(last.ready)).toEqual(['/0#0/0', '/0#1/0']);
    const order: string[] = [];
    for (const n of [1, 0, 2, 3, 5, 4]) {
      const by = n % 2 ? worker : rival;
      order.push(...paths((await by.complete(run, element(n, '/0'), arriveAt('/0', n, '/0'))).ready));
    }
    expect(order).toEqual(['/0#2/0', '/0#3/0', '/0#4/0', '/0#5/0', '/0']);
  });

  test('a batch that finishes several elements of a limited map makes as many ready', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    await expand(world, worker, lease, { from: 0, next: 5, total: 5, running: 3, suffix: '' });
    const leases = await Promise.all(range(0, 3).map((n) => worker.lease(run, element(n, ''))));
    const batch = leases.map((one, n) => completion(one, arriveAt('/0', n, '')));
    const results = await worker.store.commit(worker.key, batch);
    const readied = results.flatMap((one) => (one.kind === 'committed' ? paths(one.ready) : [one.kind]));
    expect(readied.sort()).toEqual(['/0#3', '/0#4']);
  });

  test('workers that finish elements of a limited map at once make different ones ready, and in the end the map once', async ({
    world,
  }) => {
    const workers = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const total = 40;
    const lease = await (workers[0] as Worker).lease(run, '/0');
    const first = await expand(world, workers[0] as Worker, lease, { from: 0, next: total, total, running: 4 });
    const seen: string[] = [];
    let open = first.kind === 'expanded' ? paths(first.ready) : [];
    while (open.length > 0) {
      seen.push(...open);
      const results = await Promise.all(
        open
          .filter((path) => path !== '/0')
          .map((path, i) => {
            const slot = Number(/#(\d+)/.exec(path)?.[1]);
            return (workers[i % 2] as Worker).complete(run, path, arriveAt('/0', slot, '/0'));
          }),
      );
      open = results.flatMap(({ ready }) => paths(ready));
    }
    expect(seen).toHaveLength(total + 1);
    expect(new Set(seen).size).toBe(total + 1);
    expect(seen.at(-1)).toBe('/0');
  });

  test('elements of a paused run are held, and a limited map holds the next as well', async ({ world }) => {
    const worker = await world.worker();
    const [plain, limited] = [await world.begin(), await world.begin()];
    const leases = [await worker.lease(plain, '/0'), await worker.lease(limited, '/0')] as const;
    for (const run of [plain, limited]) await world.store.pause(run, {});
    const ready = [
      await expand(world, worker, leases[0], { from: 0, next: 2, total: 2 }),
      await expand(world, worker, leases[1], { from: 0, next: 3, total: 3, running: 1 }),
    ];
    expect(ready).toEqual(Array(2).fill({ kind: 'expanded', ready: [] }));
    expect(await world.states(plain)).toEqual({ '/0': 'joining', '/0#0/0': 'held', '/0#1/0': 'held' });
    expect(await world.states(limited)).toEqual({
      '/0': 'joining',
      '/0#0/0': 'held',
      '/0#1/0': 'queued',
      '/0#2/0': 'queued',
    });
    const resumed = await world.store.resume(limited);
    expect(resumed.kind === 'done' && paths(resumed.ready)).toEqual(['/0#0/0']);
    const under = await worker.lease(limited, '/0#0/0');
    await world.store.pause(limited, {});
    expect(await worker.commit(under, arriveAt('/0', 0, '/0'))).toEqual({ kind: 'committed', ready: [] });
    expect(await world.row(limited, '/0#1/0')).toMatchObject({ state: 'held' });
  });

  test('elements are gathered in the order of the list, the eleventh after the tenth', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    await expand(world, worker, await worker.lease(run, '/0'), { from: 0, next: 12, total: 12 });
    for (const n of range(0, 12).reverse()) {
      await worker.complete(run, element(n, '/0'), { output: bytes(`${n}`), ...arriveAt('/0', n) });
    }
    const arrivals = await world.store.gather({ run, path: '/0' });
    expect(arrivals.map(({ output }) => text(output))).toEqual(range(0, 12).map(String));
  });
}
