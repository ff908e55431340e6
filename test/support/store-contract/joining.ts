import { expect } from 'vitest';
import type { RunKey } from '../../../src/core/model.js';
import type { CommitResult } from '../../../src/store/store.js';
import type { WorldTest } from './theme.js';
import { arriveAt, bytes, completion, paths, text, type Worker } from './world.js';

export function joining(test: WorldTest): void {
  const leaseAll = (worker: Worker, run: RunKey, branches: readonly number[]) =>
    Promise.all(branches.map((b) => worker.lease(run, `/0/b${b}/0`)));

  const readied = (results: readonly CommitResult[]) =>
    results.flatMap((result) => (result.kind === 'committed' ? paths(result.ready) : [result.kind]));

  test('arrivals that come one by one make the join ready with the last, and with it alone', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin(...world.fork('/0', 3));
    expect((await worker.complete(run, '/0/b2/0', arriveAt('/0', 2))).ready).toEqual([]);
    expect((await rival.complete(run, '/0/b0/0', arriveAt('/0', 0))).ready).toEqual([]);
    expect(await worker.tryLease(run, '/0')).toEqual({ kind: 'gone' });
    expect(paths((await worker.complete(run, '/0/b1/0', arriveAt('/0', 1))).ready)).toEqual(['/0']);
    expect(await worker.lease(run, '/0')).toMatchObject({ pending: 0, recipe: '["gather","/0"]', source: null });
  });

  test('arrivals that come in one batch make the join ready once', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 3));
    const leases = await leaseAll(worker, run, [0, 1, 2]);
    const batch = leases.map((lease, slot) => completion(lease, arriveAt('/0', slot)));
    expect(readied(await worker.store.commit(worker.key, batch))).toEqual(['/0']);
    expect((await world.row(run, '/0')).state).toBe('ready');
  });

  test('arrivals that come from several workers at once make the join ready once', async ({ world }) => {
    const workers = [await world.worker(), await world.rival()];
    for (let round = 0; round < 25; round++) {
      const run = await world.begin(...world.fork('/0', 6));
      const results = await Promise.all(
        workers.map(async (worker, half) => {
          const slots = [0, 2, 4].map((slot) => slot + half);
          const leases = await leaseAll(worker, run, slots);
          return Promise.all(leases.map((lease, i) => worker.commit(lease, arriveAt('/0', slots[i] as number))));
        }),
      );
      expect(readied(results.flat())).toEqual(['/0']);
    }
  });

  test('what arrived is gathered in the order of the branches, as output or as recipe', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 3));
    await worker.complete(run, '/0/b2/0', { output: bytes('c'), ...arriveAt('/0', 2) });
    await worker.complete(run, '/0/b1/0', { arrive: { join: '/0', slot: 1, result: '["output","/0/b1/7"]' } });
    await worker.complete(run, '/0/b0/0', { output: bytes('a'), ...arriveAt('/0', 0) });
    const arrivals = await world.store.gather({ run, path: '/0' });
    expect(arrivals.map(({ path, result, output }) => ({ path, result, output: text(output) }))).toEqual([
      { path: '/0/b0/0', result: undefined, output: 'a' },
      { path: '/0/b1/0', result: ['output', '/0/b1/7'], output: undefined },
      { path: '/0/b2/0', result: undefined, output: 'c' },
    ]);
    for (const { output } of arrivals) output?.fill(0);
    const [again] = await world.store.gather({ run, path: '/0' });
    expect(text(again?.output)).toBe('a');
    expect(await world.store.gather({ run, path: '/0/b0' })).toEqual([]);
  });

  test('a join that becomes complete on a paused run is held until it is resumed', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 2));
    const leases = await leaseAll(worker, run, [0, 1]);
    await world.store.pause(run, {});
    const batch = leases.map((lease, slot) => completion(lease, arriveAt('/0', slot)));
    expect(readied(await worker.store.commit(worker.key, batch))).toEqual([]);
    expect((await world.row(run, '/0')).state).toBe('held');
    const resumed = await world.store.resume(run);
    expect(resumed.kind === 'done' && paths(resumed.ready)).toEqual(['/0']);
    expect((await worker.lease(run, '/0')).pending).toBe(0);
  });

  test('a fork inside a fork arrives at its own join first', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(world.joining('/0', 2), world.ready('/0/b0/0'), ...world.fork('/0/b1/0', 2));
    await worker.complete(run, '/0/b0/0', { output: bytes('left'), ...arriveAt('/0', 0) });
    await worker.complete(run, '/0/b1/0/b0/0', { output: bytes('x'), ...arriveAt('/0/b1/0', 0) });
    const inner = await worker.complete(run, '/0/b1/0/b1/0', { output: bytes('y'), ...arriveAt('/0/b1/0', 1) });
    expect(paths(inner.ready)).toEqual(['/0/b1/0']);
    const outer = await worker.complete(run, '/0/b1/0', { output: bytes('x+y'), ...arriveAt('/0', 1) });
    expect(paths(outer.ready)).toEqual(['/0']);
    expect((await world.store.gather({ run, path: '/0' })).map(({ output }) => text(output))).toEqual(['left', 'x+y']);
    expect((await world.store.gather({ run, path: '/0/b1/0' })).map(({ output }) => text(output))).toEqual(['x', 'y']);
  });
}
