import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { RunNotFoundError } from '../../../src/core/errors.js';
import { HOUR, SITUATION_NAMES, SITUATIONS, type SituationName } from './situations.js';
import type { WorldTest } from './theme.js';
import { arriveAt, bytes, paths, ref, type Worker, type World } from './world.js';

const error = { name: 'Error', message: 'no luck' };

/** What a retry makes of a sibling in each state, before and after its time has come. */
const AGAIN: Record<SituationName, { readonly early: string; readonly late: string }> = {
  ready: { early: 'ready', late: 'ready' },
  leased: { early: 'ready', late: 'ready' },
  delayed: { early: 'delayed', late: 'ready' },
  awaiting_signal: { early: 'awaiting_signal', late: 'ready' },
  backing_off: { early: 'ready', late: 'ready' },
  joining: { early: 'joining', late: 'joining' },
  queued: { early: 'queued', late: 'queued' },
};

/** Adds a sibling to the run of a situation and lets it fail, finally. */
async function failSibling(world: World, run: string): Promise<Worker> {
  const worker = await world.worker({ ttlMs: 100 * HOUR });
  await worker.store.fail(worker.key, { ...ref(await worker.lease(run, '/9')), error, task: 'sibling', attempt: 1 });
  return worker;
}

export function retrying(test: WorldTest): void {
  const cases = SITUATION_NAMES.flatMap((state) => [
    { state, late: false, name: state },
    { state, late: true, name: `${state}, an hour later` },
  ]);

  test.for(cases)('a retry reopens a sibling that was $name', async ({ state, late }, { world }) => {
    const worker = await world.worker({ ttlMs: 100 * HOUR });
    const { run, lease } = await SITUATIONS[state](world, worker, world.ready('/9'));
    await failSibling(world, run);
    expect(await world.run(run)).toMatchObject({ status: 'failed', failedTask: 'sibling' });
    expect((await world.row(run, '/0')).state).toBe('cancelled');
    if (late) await world.advance(HOUR);
    const result = await world.other.retry(run, randomUUID());
    expect(result).toMatchObject({ kind: 'done', changed: true });
    const { early, late: then } = AGAIN[state];
    const expected = late ? then : early;
    expect(await world.row(run, '/0')).toMatchObject({ state: expected, attempt: 1, losses: 0, error: undefined });
    expect(await world.run(run)).toMatchObject({ status: 'running', error: undefined, finishedAt: undefined });
    const ready = result.kind === 'done' ? paths(result.ready) : [];
    expect(ready.includes('/9')).toBe(true);
    expect(ready.includes('/0')).toBe(expected === 'ready');
    if (lease !== undefined) expect((await worker.commit(lease)).kind).toBe('lost');
    if (expected === 'ready') expect((await worker.tryLease(run, '/0')).kind).toBe('leased');
  });

  test('what a retry parks again falls due at its old time, once', async ({ world }) => {
    const run = await world.begin(world.delayed('/0', HOUR), world.awaiting('/1', 'go', HOUR), world.ready('/9'));
    const worker = await failSibling(world, run);
    await world.advance(HOUR / 2);
    const result = await world.store.retry(run, randomUUID());
    expect(result.kind === 'done' && result.dueInMs).toBeLessThanOrEqual(HOUR / 2);
    expect(result.kind === 'done' && result.dueInMs).toBeGreaterThan(HOUR / 2 - 60_000);
    expect((await worker.store.fireTimers(worker.key, 10)).ready).toEqual([]);
    await world.advance(HOUR / 2);
    const fired = await worker.store.fireTimers(worker.key, 10);
    expect(paths(fired.ready).sort()).toEqual(['/0', '/1']);
    expect((await worker.lease(run, '/1')).recipe).toBe('["timedOut"]');
    expect((await worker.store.fireTimers(worker.key, 10)).nextDueAt).toBeUndefined();
  });

  test('a timer that fired while the run was failed has had its effect', async ({ world }) => {
    const run = await world.begin(world.delayed('/0', HOUR), world.awaiting('/1', 'go', HOUR), world.ready('/9'));
    const worker = await failSibling(world, run);
    await world.advance(HOUR);
    expect((await worker.store.fireTimers(worker.key, 10)).ready).toEqual([]);
    const result = await world.store.retry(run, randomUUID());
    expect(result.kind === 'done' && paths(result.ready).sort()).toEqual(['/0', '/1', '/9']);
    expect((await worker.lease(run, '/1')).recipe).toBe('["timedOut"]');
    const sent = await world.store.signal({ run, name: 'go', id: null, payload: bytes('late') });
    expect(sent.kind).toBe('buffered');
  });

  test('a wait that goes on takes the next signal, in the old order', async ({ world }) => {
    const run = await world.begin(world.awaiting('/0', 'go'), world.ready('/9'));
    const worker = await failSibling(world, run);
    await world.store.retry(run, randomUUID());
    await worker.complete(run, '/9', { activate: [world.awaiting('/1', 'go')] });
    const sent = await world.store.signal({ run, name: 'go', id: null, payload: bytes('first') });
    expect(sent.kind !== 'refused' && paths(sent.ready)).toEqual(['/0']);
  });

  test('what completed stays, and a join keeps its count', async ({ world }) => {
    const run = await world.begin(...world.fork('/0', 2));
    const worker = await world.worker();
    await worker.complete(run, '/0/b0/0', { output: bytes('kept'), ...arriveAt('/0', 0) });
    const lease = ref(await worker.lease(run, '/0/b1/0'));
    await worker.store.fail(worker.key, { ...lease, error, task: 't', attempt: 3 });
    const retried = await world.store.retry(run, randomUUID());
    expect(retried.kind === 'done' && paths(retried.ready)).toEqual(['/0/b1/0']);
    expect((await world.row(run, '/0/b0/0')).state).toBe('completed');
    const { ready } = await worker.complete(run, '/0/b1/0', arriveAt('/0', 1));
    expect(paths(ready)).toEqual(['/0']);
  });

  test('a repeat of the same retry changes nothing, another one is refused', async ({ world }) => {
    const run = await world.begin(world.ready('/9'));
    const worker = await failSibling(world, run);
    const token = randomUUID();
    expect(await world.store.retry(run, token)).toMatchObject({ kind: 'done', changed: true });
    await worker.complete(run, '/9');
    expect(await world.other.retry(run, token)).toEqual({ kind: 'done', changed: false, ready: [] });
    expect(await world.other.retry(run, randomUUID())).toEqual({ kind: 'refused', status: 'running' });
    expect((await world.row(run, '/9')).state).toBe('completed');
  });

  test('a run fails and is retried any number of times', async ({ world }) => {
    const run = await world.begin(world.delayed('/0', HOUR), world.ready('/9'));
    for (let round = 0; round < 3; round++) {
      await failSibling(world, run);
      expect(await world.store.retry(run, randomUUID())).toMatchObject({ changed: true });
      expect(await world.states(run)).toEqual({ '/0': 'delayed', '/9': 'ready' });
    }
    await failSibling(world, run);
    await world.store.retry(run, randomUUID());
    expect(await world.store.cancel(run, {})).toMatchObject({ kind: 'done', changed: true });
    expect(await world.store.retry(run, randomUUID())).toEqual({ kind: 'refused', status: 'cancelled' });
  });

  test('of two retries at once one does it', async ({ world }) => {
    for (let round = 0; round < 10; round++) {
      const run = await world.begin(world.ready('/9'));
      await failSibling(world, run);
      const kinds = await Promise.all([world.store.retry(run, randomUUID()), world.other.retry(run, randomUUID())]);
      expect(kinds.map(({ kind }) => kind).sort()).toEqual(['done', 'refused']);
    }
  });

  test('a retry of a poisoned run begins without losses', async ({ world }) => {
    const run = await world.begin();
    const [victim, judge] = [await world.worker(), await world.rival()];
    await victim.lease(run, '/0');
    await world.kill(victim, judge);
    await judge.store.poison(judge.key, { run, path: '/0' }, { error, task: 't' });
    await world.store.retry(run, randomUUID());
    expect(await judge.lease(run, '/0')).toMatchObject({ attempt: 1, losses: 0 });
  });

  test('a retry of a run that there is not rejects with RunNotFoundError', async ({ world }) => {
    await expect(world.store.retry('999999999', randomUUID())).rejects.toThrow(RunNotFoundError);
  });
}
