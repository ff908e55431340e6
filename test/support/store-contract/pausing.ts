import { expect } from 'vitest';
import { HOUR, SITUATION_NAMES, SITUATIONS, type SituationName } from './situations.js';
import type { WorldTest } from './theme.js';
import { bytes, paths, text } from './world.js';

/** What an hour under a pause makes of each state. */
const LATER: Record<SituationName, string> = {
  ready: 'held',
  leased: 'leased',
  delayed: 'held',
  awaiting_signal: 'held',
  backing_off: 'held',
  joining: 'joining',
  queued: 'queued',
};

export function pausing(test: WorldTest): void {
  test.for(SITUATION_NAMES)(
    '%s: under a pause nothing starts, time goes on, and all of it starts at resume',
    async (state, { world }) => {
      const worker = await world.worker({ ttlMs: 100 * HOUR });
      const { run, lease } = await SITUATIONS[state](world, worker);
      expect(await world.store.pause(run, { reason: 'lunch', by: 'me' })).toEqual({
        kind: 'done',
        changed: true,
        ready: [],
      });
      expect(await world.run(run)).toMatchObject({ status: 'paused', reason: 'lunch', by: 'me' });
      expect((await world.row(run, '/0')).state).toBe(state === 'ready' ? 'held' : state);
      expect((await worker.tryLease(run, '/0')).kind).toBe(state === 'leased' ? 'taken' : 'gone');
      await world.advance(HOUR);
      expect((await worker.store.fireTimers(worker.key, 10)).ready).toEqual([]);
      expect((await world.row(run, '/0')).state).toBe(LATER[state]);
      if (lease !== undefined && state === 'leased') {
        const { lost } = await worker.store.heartbeat(worker.key, {
          ttlMs: HOUR,
          held: [lease],
          known: [lease.number],
          before: 9,
        });
        expect(lost).toEqual([]);
      }
      const resumed = await world.other.resume(run);
      const expected = state === 'joining' ? ['/0/b0/0'] : LATER[state] === 'held' ? ['/0'] : [];
      expect(resumed).toMatchObject({ kind: 'done', changed: true });
      expect(resumed.kind === 'done' && paths(resumed.ready)).toEqual(expected);
      expect(await world.run(run)).toMatchObject({ status: 'running', reason: undefined, by: undefined });
      for (const path of expected) expect((await worker.tryLease(run, path)).kind).toBe('leased');
      if (lease !== undefined && state === 'leased') expect((await worker.commit(lease)).kind).toBe('committed');
    },
  );

  test.for(SITUATION_NAMES)(
    '%s: a pause that ends before anything is due leaves no trace',
    async (state, { world }) => {
      const worker = await world.worker({ ttlMs: 100 * HOUR });
      const { run } = await SITUATIONS[state](world, worker);
      for (let round = 0; round < 3; round++) {
        await world.store.pause(run, {});
        const resumed = await world.other.resume(run);
        expect(resumed.kind === 'done' && paths(resumed.ready)).toEqual(state === 'ready' ? ['/0'] : []);
        expect((await world.row(run, '/0')).state).toBe(state);
      }
      await world.advance(HOUR);
      const due = paths((await worker.store.fireTimers(worker.key, 10)).ready);
      const timed = { delayed: ['/0'], awaiting_signal: ['/0'], backing_off: ['/0'], joining: ['/0/b0/0'] };
      expect(due).toEqual(timed[state as keyof typeof timed] ?? []);
    },
  );

  test('pausing a paused run and resuming a running one change nothing, the first reason stays', async ({ world }) => {
    const run = await world.begin();
    expect(await world.store.resume(run)).toEqual({ kind: 'done', changed: false, ready: [] });
    await world.store.pause(run, { reason: 'first', by: 'me' });
    expect(await world.store.pause(run, { reason: 'second', by: 'you' })).toEqual({
      kind: 'done',
      changed: false,
      ready: [],
    });
    expect(await world.run(run)).toMatchObject({ reason: 'first', by: 'me' });
    expect((await world.store.resume(run)).kind).toBe('done');
    expect(await world.store.resume(run)).toEqual({ kind: 'done', changed: false, ready: [] });
  });

  test('what was ready before the pause goes on ageing from then', async ({ world }) => {
    const { run, ready } = await world.started();
    await world.store.pause(run, {});
    const resumed = await world.store.resume(run);
    expect(resumed.kind === 'done' && resumed.ready[0]?.readyAt).toBe(ready[0]?.readyAt);
  });

  test('a lease that ends under a pause without a report is held', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const [handed, left] = [await world.begin(), await world.begin()];
    const lease = await worker.lease(handed, '/0');
    const doomed = await world.worker();
    await doomed.lease(left, '/0');
    for (const run of [handed, left]) await world.store.pause(run, {});
    expect(await worker.store.handBack(worker.key, [lease])).toEqual([]);
    await world.kill(doomed, rival);
    expect((await rival.store.sweep(rival.key, { limit: 10, poisonAt: 5 })).ready).toEqual([]);
    expect((await world.row(handed, '/0')).state).toBe('held');
    expect(await world.row(left, '/0')).toMatchObject({ state: 'held', losses: 1 });
    for (const run of [handed, left]) {
      const resumed = await world.store.resume(run);
      expect(resumed.kind === 'done' && paths(resumed.ready)).toEqual(['/0']);
    }
  });

  test('a signal that comes under a pause is taken, and its waiter starts at resume', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(world.awaiting('/0', 'go', HOUR));
    await world.store.pause(run, {});
    const sent = await world.store.signal({ run, name: 'go', id: null, payload: bytes('now') });
    expect(sent).toEqual({ kind: 'delivered', ready: [] });
    expect((await world.row(run, '/0')).state).toBe('held');
    await world.advance(HOUR);
    expect((await worker.store.fireTimers(worker.key, 10)).ready).toEqual([]);
    await world.store.resume(run);
    const leased = await worker.lease(run, '/0');
    expect([leased.source, leased.recipe, text(leased.bytes)]).toEqual([null, null, 'now']);
  });

  test('the last task may end a paused run', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    await world.store.pause(run, { reason: 'lunch', by: 'me' });
    const result = await worker.commit(lease, { finish: { source: '/0', recipe: null } });
    expect(result).toMatchObject({ kind: 'committed', ended: { status: 'completed' } });
    expect(await world.run(run)).toMatchObject({ status: 'completed', reason: undefined, by: undefined });
    expect(await world.store.resume(run)).toEqual({ kind: 'refused', status: 'completed' });
  });

  test('the messages that a pause left behind are nobody’s: what is held is not stamped anew', async ({ world }) => {
    const worker = await world.worker({ ttlMs: 100 * HOUR });
    const run = await world.begin();
    await world.store.pause(run, {});
    await world.advance(HOUR);
    const owed = [{ queue: world.queue.key, publishedBefore: await world.now() }];
    expect((await worker.store.look(worker.key, { owed })).owed).toEqual([]);
    expect(await worker.store.restamp(worker.key, owed, 10)).toEqual([]);
  });
}
