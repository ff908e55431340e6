import { expect } from 'vitest';
import { RunNotFoundError } from '../../../src/core/errors.js';
import { HOUR, SITUATION_NAMES, SITUATIONS } from './situations.js';
import type { WorldTest } from './theme.js';
import { ref } from './world.js';

export function cancelling(test: WorldTest): void {
  const everyState = SITUATION_NAMES.flatMap((state) => [
    { state, paused: false, name: `${state}` },
    { state, paused: true, name: `${state} of a paused run` },
  ]);

  test.for(everyState)(
    'cancelling works at once on what is $name, and nothing of it is leased afterwards',
    async ({ state, paused }, { world }) => {
      const [worker, rival] = [await world.worker(), await world.rival()];
      const { run, lease } = await SITUATIONS[state](world, worker);
      if (paused) await world.store.pause(run, { reason: 'lunch', by: 'you' });
      const result = await world.other.cancel(run, { reason: 'no longer wanted', by: 'me' });
      expect(result).toMatchObject({ kind: 'done', changed: true, ready: [], ended: { run, status: 'cancelled' } });
      expect(await world.run(run)).toMatchObject({
        status: 'cancelled',
        reason: 'no longer wanted',
        by: 'me',
        finishedAt: expect.any(Number),
      });
      expect(new Set(Object.values(await world.states(run)))).toEqual(new Set(['cancelled']));
      if (lease !== undefined) {
        expect(await worker.commit(lease, { activate: [world.ready('/1')] }, { repeat: true })).toEqual({
          kind: 'lost',
        });
        expect(await worker.store.handBack(worker.key, [lease])).toEqual([]);
        const error = { name: 'Error', message: 'late' };
        expect(await worker.store.backOff(worker.key, [{ ...lease, delayMs: 1, error }])).toEqual([false]);
        expect(await worker.store.fail(worker.key, { ...lease, error, task: 't', attempt: 1 })).toEqual({
          kind: 'lost',
        });
        const { lost } = await worker.store.heartbeat(worker.key, {
          ttlMs: 9_000_000,
          held: [lease],
          known: [lease.number],
          before: 9,
        });
        expect(lost).toEqual([{ number: lease.number, reason: 'cancelled' }]);
      }
      expect(await world.store.signal({ run, name: 'go', id: null, payload: new Uint8Array() })).toEqual({
        kind: 'refused',
        status: 'cancelled',
      });
      expect(await world.store.pause(run, {})).toEqual({ kind: 'refused', status: 'cancelled' });
      expect(await world.store.resume(run)).toEqual({ kind: 'refused', status: 'cancelled' });
      await world.advance(HOUR);
      const judge = await world.worker();
      expect((await judge.store.fireTimers(judge.key, 10)).ready).toEqual([]);
      const owed = [{ queue: world.queue.key, publishedBefore: await world.now() }];
      expect(await judge.store.restamp(judge.key, owed, 10)).toEqual([]);
      await world.kill(worker, rival);
      expect(await rival.store.sweep(rival.key, { limit: 10, poisonAt: 5 })).toEqual({ ready: [], poisoned: [] });
      expect(await rival.tryLease(run, '/0')).toEqual({ kind: 'gone' });
      expect(new Set(Object.values(await world.states(run)))).toEqual(new Set(['cancelled']));
    },
  );

  test('cancelling a cancelled run changes nothing, its first reason stays', async ({ world }) => {
    const run = await world.begin();
    await world.store.cancel(run, { reason: 'first' });
    expect(await world.other.cancel(run, { reason: 'second', by: 'me' })).toEqual({
      kind: 'done',
      changed: false,
      ready: [],
    });
    expect(await world.run(run)).toMatchObject({ reason: 'first', by: undefined });
  });

  test('a run that ended otherwise refuses to be cancelled, and says how it ended', async ({ world }) => {
    const worker = await world.worker();
    const [completed, failed] = [await world.begin(), await world.begin()];
    await worker.complete(completed, '/0', { finish: { source: '/0', recipe: null } });
    const lease = ref(await worker.lease(failed, '/0'));
    await worker.store.fail(worker.key, { ...lease, error: { name: 'Error', message: 'x' }, task: 't', attempt: 1 });
    expect(await world.store.cancel(completed, {})).toEqual({ kind: 'refused', status: 'completed' });
    expect(await world.store.cancel(failed, {})).toEqual({ kind: 'refused', status: 'failed' });
    expect(await world.store.pause(completed, {})).toEqual({ kind: 'refused', status: 'completed' });
    expect(await world.store.resume(failed)).toEqual({ kind: 'refused', status: 'failed' });
    expect((await world.run(completed)).status).toBe('completed');
  });

  test('control of a run that there is not rejects with RunNotFoundError', async ({ world }) => {
    const { store } = world;
    await expect(store.cancel('999999999', {})).rejects.toThrow(RunNotFoundError);
    await expect(store.pause('999999999', {})).rejects.toThrow(RunNotFoundError);
    await expect(store.resume('999999999')).rejects.toThrow(RunNotFoundError);
    const signal = { run: '999999999', name: 'go', id: null, payload: new Uint8Array() };
    await expect(store.signal(signal)).rejects.toThrow(RunNotFoundError);
  });

  test('of a cancel and the last commit at once one wins, and the run ends accordingly', async ({ world }) => {
    const worker = await world.worker();
    for (let round = 0; round < 25; round++) {
      const run = await world.begin();
      const lease = await worker.lease(run, '/0');
      const [committed, cancelled] = await Promise.all([
        worker.commit(lease, { finish: { source: '/0', recipe: null } }),
        world.other.cancel(run, {}),
      ]);
      const { status } = await world.run(run);
      const outcome = [committed.kind, cancelled.kind, status];
      expect([
        ['committed', 'refused', 'completed'],
        ['lost', 'done', 'cancelled'],
      ]).toContainEqual(outcome);
    }
  });
}
