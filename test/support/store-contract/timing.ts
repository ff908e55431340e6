import { expect } from 'vitest';
import type { WorldTest } from './theme.js';
import { bytes, paths, ref, sortedPaths } from './world.js';

const HOUR = 3_600_000;

export function timing(test: WorldTest): void {
  test('a delay falls due after its time, not earlier, and then wakes once', async ({ world }) => {
    const worker = await world.worker();
    const before = await world.now();
    const run = await world.begin(world.delayed('/0', HOUR));
    const { dueAt } = await world.row(run, '/0');
    expect(dueAt).toBeGreaterThanOrEqual(before + HOUR);
    expect(dueAt).toBeLessThanOrEqual((await world.now()) + HOUR);
    await world.advance(HOUR / 2);
    const early = await worker.store.fireTimers(worker.key, 10);
    expect(early.ready).toEqual([]);
    expect(early.nextDueAt).toBeGreaterThan(await world.now());
    expect(await worker.tryLease(run, '/0')).toEqual({ kind: 'gone' });
    await world.advance(HOUR / 2);
    const due = await worker.store.fireTimers(worker.key, 10);
    expect(due).toMatchObject({ ready: [{ run, path: '/0', queue: world.queue.key }], nextDueAt: undefined });
    const now = await world.now();
    expect(due.ready[0]?.readyAt).toBeLessThanOrEqual(now);
    expect(due.ready[0]?.readyAt).toBeGreaterThan(now - HOUR / 2);
    expect((await worker.store.fireTimers(worker.key, 10)).ready).toEqual([]);
    expect(await worker.lease(run, '/0')).toMatchObject({ attempt: 1, source: '' });
  });

  test('a delay of no time at all is due at once', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(world.delayed('/0', 0));
    await world.advance(1);
    expect(paths((await worker.store.fireTimers(worker.key, 10)).ready)).toEqual(['/0']);
    expect((await world.row(run, '/0')).state).toBe('ready');
  });

  test('what a completion delays is due from then, and a delay may follow a delay', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(world.delayed('/0', HOUR));
    await world.advance(HOUR);
    await worker.store.fireTimers(worker.key, 10);
    await worker.complete(run, '/0', { activate: [world.delayed('/1', HOUR)] });
    expect((await worker.store.fireTimers(worker.key, 10)).ready).toEqual([]);
    expect((await world.row(run, '/1')).dueAt).toBeGreaterThan((await world.now()) + HOUR / 2);
    await world.advance(HOUR);
    expect(paths((await worker.store.fireTimers(worker.key, 10)).ready)).toEqual(['/1']);
  });

  test('the earliest are fired first, and the earliest left is told, by firing and by looking', async ({ world }) => {
    const worker = await world.worker();
    const runs: string[] = [];
    for (const hours of [3, 1, 2, 5]) runs.push(await world.begin(world.delayed('/0', hours * HOUR)));
    const dueAt = async (i: number) => (await world.row(runs[i] as string, '/0')).dueAt as number;
    expect((await worker.store.look(worker.key, { owed: [] })).nextDueAt).toBeCloseTo(await dueAt(1), 0);
    await world.advance(4 * HOUR);
    const first = await worker.store.fireTimers(worker.key, 2);
    expect(first.ready.map(({ run }) => run).sort()).toEqual([runs[1], runs[2]].sort());
    // One more is due: whoever sleeps until then must not sleep.
    expect(first.nextDueAt).toBeLessThanOrEqual(await world.now());
    const second = await worker.store.fireTimers(worker.key, 2);
    expect(second.ready.map(({ run }) => run)).toEqual([runs[0]]);
    expect(second.nextDueAt).toBeCloseTo(await dueAt(3), 0);
  });

  test('workers that fire at once wake each activation once', async ({ world }) => {
    const workers = [await world.worker(), await world.rival()];
    const runs = await Promise.all(Array.from({ length: 60 }, () => world.begin(world.delayed('/0', HOUR))));
    await world.advance(HOUR);
    const woken: string[] = [];
    while (woken.length < runs.length) {
      const fired = await Promise.all(workers.map((worker) => worker.store.fireTimers(worker.key, 7)));
      const round = fired.flatMap(({ ready }) => ready.map(({ run }) => run));
      expect(round.length).toBeGreaterThan(0);
      woken.push(...round);
    }
    expect([...woken].sort()).toEqual([...runs].sort());
  });

  test('a failed attempt is backed off with its error and progress, and the next one counts', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const { run, ready } = await world.started();
    const lease = ref(await worker.lease(run, '/0'));
    const beat = { ttlMs: 600_000, held: [{ ...lease, progress: '{"page":3}' }], known: [lease.number], before: 100 };
    await worker.store.heartbeat(worker.key, beat);
    const request = {
      ...lease,
      delayMs: HOUR,
      error: { name: 'TypeError', message: 'no\0luck', cause: { name: 'Error', message: 'x' } },
    };
    expect(await rival.store.backOff(rival.key, [request])).toEqual([false]);
    expect(await worker.store.backOff(worker.key, [{ ...request, number: 77 }, request])).toEqual([false, true]);
    expect(await world.row(run, '/0')).toMatchObject({
      state: 'backing_off',
      attempt: 2,
      error: request.error,
      progress: { page: 3 },
    });
    expect(await worker.tryLease(run, '/0')).toEqual({ kind: 'gone' });
    expect(await worker.commit(lease)).toEqual({ kind: 'lost' });
    await world.advance(HOUR);
    const fired = await rival.store.fireTimers(rival.key, 10);
    expect(paths(fired.ready)).toEqual(['/0']);
    expect(fired.ready[0]?.readyAt).not.toBe(ready[0]?.readyAt);
    expect(await rival.lease(run, '/0')).toMatchObject({ attempt: 2, losses: 0, progress: '{"page":3}' });
  });

  test('a repeated back-off is known by its number and counts once', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    const lease = await worker.backOff(run, '/0', HOUR);
    const repeated = { ...lease, delayMs: HOUR, error: { name: 'Error', message: 'no luck' } };
    expect(await worker.store.backOff(worker.key, [repeated])).toEqual([true]);
    expect((await world.row(run, '/0')).attempt).toBe(2);
    await world.advance(HOUR);
    await worker.store.fireTimers(worker.key, 10);
    expect(await worker.store.backOff(worker.key, [repeated])).toEqual([false]);
    expect((await world.row(run, '/0')).attempt).toBe(2);
    expect(await worker.store.backOff(worker.key, [])).toEqual([]);
  });

  test('an activation may back off again and again', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    for (let attempt = 1; attempt <= 4; attempt++) {
      const lease = await worker.lease(run, '/0');
      expect(lease.attempt).toBe(attempt);
      await worker.store.backOff(worker.key, [
        { ...ref(lease), delayMs: 1_000, error: { name: 'Error', message: `${attempt}` } },
      ]);
      await world.advance(1_001);
      expect(paths((await worker.store.fireTimers(worker.key, 10)).ready)).toEqual(['/0']);
    }
    await worker.complete(run, '/0', { output: bytes('at last') });
    expect(await world.row(run, '/0')).toMatchObject({ state: 'completed', attempt: 5 });
  });

  test('timers of a run that ended fire without effect', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(
      world.joining('/0', 2),
      world.delayed('/0/b0/0', HOUR),
      world.awaiting('/0/b1/0', 'go', HOUR),
    );
    const running = await world.begin(world.delayed('/0', 2 * HOUR));
    await world.store.cancel(run, {});
    await world.advance(HOUR);
    const fired = await worker.store.fireTimers(worker.key, 10);
    expect(fired.ready).toEqual([]);
    expect(fired.nextDueAt).toBeCloseTo((await world.row(running, '/0')).dueAt as number, 0);
    expect(new Set(Object.values(await world.states(run)))).toEqual(new Set(['cancelled']));
    expect(sortedPaths(fired.ready)).toEqual([]);
  });
}
