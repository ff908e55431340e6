import { expect } from 'vitest';
import { TIMED_OUT } from '../../../src/core/recipe.js';
import type { WorldTest } from './theme.js';
import { bytes, completion, paths, text, type World } from './world.js';

const HOUR = 3_600_000;

export function signalling(test: WorldTest): void {
  const send = (world: World, run: string, payload: string, id: string | null = null, name = 'go') =>
    world.store.signal({ run, name, id, payload: bytes(payload) });

  test('a signal wakes its waiter, whose input is the payload', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin({ ...world.awaiting('/0', 'go'), recipe: '["unwrap",["input"]]' });
    const payload = bytes('hello');
    const sent = await world.other.signal({ run, name: 'go', id: null, payload });
    payload.fill(0);
    expect(sent).toMatchObject({ kind: 'delivered', ready: [{ run, path: '/0', queue: world.queue.key }] });
    expect(await world.row(run, '/0')).toMatchObject({ state: 'ready', signal: undefined });
    const leased = await worker.lease(run, '/0');
    expect([leased.source, leased.recipe, text(leased.bytes)]).toEqual([null, null, 'hello']);
  });

  test('signals that come early wait in line, each is taken once', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    for (const payload of ['one', 'two'])
      expect(await send(world, run, payload)).toEqual({ kind: 'buffered', ready: [] });
    expect(await send(world, run, 'another', null, 'stop')).toEqual({ kind: 'buffered', ready: [] });
    const parked = await worker.complete(run, '/0', { activate: [world.awaiting('/1', 'go', HOUR)] });
    expect(paths(parked.ready)).toEqual(['/1']);
    expect(text((await worker.lease(run, '/1', 50)).bytes)).toBe('one');
    await worker.commit({ run, path: '/1', number: 50 }, { activate: [world.awaiting('/2', 'go')] });
    expect(text((await worker.lease(run, '/2', 51)).bytes)).toBe('two');
    await worker.commit({ run, path: '/2', number: 51 }, { activate: [world.awaiting('/3', 'go')] });
    expect(await world.row(run, '/3')).toMatchObject({
      state: 'awaiting_signal',
      signal: 'go',
      parkedAt: expect.any(Number),
    });
    expect(await send(world, run, 'three')).toMatchObject({ kind: 'delivered', ready: [{ path: '/3' }] });
  });

  test('of several waiters of a name the one parked first is served first, then the smaller path', async ({
    world,
  }) => {
    const worker = await world.worker();
    const branches = Array.from({ length: 12 }, (_, b) => world.awaiting(`/0/b${b}/0`, 'go'));
    const run = await world.begin(world.joining('/0', 13), world.ready('/0/b12/0'), ...branches);
    await worker.complete(run, '/0/b12/0', { activate: [world.awaiting('/0/b0/9', 'go')] });
    const order = [];
    for (let n = 0; n < 13; n++) {
      const sent = await send(world, run, `${n}`);
      if (sent.kind === 'delivered') order.push(...paths(sent.ready));
    }
    expect(order).toEqual([...branches.map(({ path }) => path), '/0/b0/9']);
    expect(text((await worker.lease(run, '/0/b11/0')).bytes)).toBe('11');
  });

  test('waiters that one batch parks each take one of the buffered signals', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 3));
    for (const payload of ['one', 'two']) await send(world, run, payload);
    const leases = await Promise.all([0, 1, 2].map((b) => worker.lease(run, `/0/b${b}/0`)));
    const batch = leases.map((lease, b) => completion(lease, { activate: [world.awaiting(`/0/b${b}/1`, 'go')] }));
    const results = await worker.store.commit(worker.key, batch);
    const woken = results.flatMap((one) => (one.kind === 'committed' ? paths(one.ready) : [one.kind]));
    expect(woken).toEqual(['/0/b0/1', '/0/b1/1']);
    expect((await world.row(run, '/0/b2/1')).state).toBe('awaiting_signal');
    expect(await send(world, run, 'three')).toMatchObject({ kind: 'delivered', ready: [{ path: '/0/b2/1' }] });
  });

  test('a signal’s id makes a repeated send harmless, also after it was taken', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    expect((await send(world, run, 'one', 'a')).kind).toBe('buffered');
    expect(await send(world, run, 'again', 'a')).toEqual({ kind: 'duplicate', ready: [] });
    expect((await send(world, run, 'another', 'a', 'stop')).kind).toBe('buffered');
    await worker.complete(run, '/0', { activate: [world.awaiting('/1', 'go')] });
    expect(text((await worker.lease(run, '/1')).bytes)).toBe('one');
    expect(await send(world, run, 'again', 'a')).toEqual({ kind: 'duplicate', ready: [] });
    const other = await world.begin(world.awaiting('/0', 'go'));
    expect((await send(world, other, 'one', 'a')).kind).toBe('delivered');
  });

  test('of many sends of one id at once one counts', async ({ world }) => {
    const run = await world.begin(world.awaiting('/0', 'go'));
    const requests = Array.from({ length: 20 }, () => ({ run, name: 'go', id: 'a', payload: bytes('x') }));
    const results = await Promise.all(
      requests.map((request, i) => (i % 2 ? world.store : world.other).signal(request)),
    );
    expect(results.filter(({ kind }) => kind === 'delivered')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'duplicate')).toHaveLength(19);
  });

  test('a run that ended refuses signals and says how it ended', async ({ world }) => {
    const run = await world.begin();
    await (await world.worker()).complete(run, '/0', { finish: { source: '/0', recipe: null } });
    expect(await send(world, run, 'late')).toEqual({ kind: 'refused', status: 'completed' });
  });

  test('a wait that times out goes on with the recipe that says so, and a signal after it is buffered', async ({
    world,
  }) => {
    const worker = await world.worker();
    const run = await world.begin(world.awaiting('/0', 'go', HOUR));
    await world.advance(HOUR);
    expect(paths((await worker.store.fireTimers(worker.key, 10)).ready)).toEqual(['/0']);
    expect(await world.row(run, '/0')).toMatchObject({ state: 'ready', signal: undefined });
    expect(await send(world, run, 'late')).toEqual({ kind: 'buffered', ready: [] });
    const leased = await worker.lease(run, '/0');
    expect(leased).toMatchObject({ source: null, bytes: undefined });
    expect(JSON.parse(leased.recipe as string)).toEqual(TIMED_OUT);
  });

  test('after a signal the timeout has no effect', async ({ world }) => {
    const worker = await world.worker({ ttlMs: 10 * HOUR });
    const run = await world.begin(world.awaiting('/0', 'go', HOUR));
    await send(world, run, 'in time');
    const lease = await worker.lease(run, '/0');
    await world.advance(HOUR);
    expect(await worker.store.fireTimers(worker.key, 10)).toEqual({ ready: [], nextDueAt: undefined });
    expect((await world.row(run, '/0')).state).toBe('leased');
    expect(text(lease.bytes)).toBe('in time');
    expect((await worker.commit(lease)).kind).toBe('committed');
  });

  test('of a signal and a timeout at once exactly one wakes the waiter', async ({ world }) => {
    const worker = await world.worker({ ttlMs: 100 * HOUR });
    for (let round = 0; round < 25; round++) {
      const run = await world.begin(world.awaiting('/0', 'go', HOUR));
      await world.advance(HOUR);
      const [sent, fired] = await Promise.all([
        world.other.signal({ run, name: 'go', id: null, payload: bytes('x') }),
        worker.store.fireTimers(worker.key, 10),
      ]);
      const leased = await worker.lease(run, '/0');
      const outcome = [sent.kind, fired.ready.length, leased.recipe === null ? text(leased.bytes) : leased.recipe];
      expect([
        ['delivered', 0, 'x'],
        ['buffered', 1, JSON.stringify(TIMED_OUT)],
      ]).toContainEqual(outcome);
    }
  });

  test('a signal that is sent while its waiter is being parked is never missed', async ({ world }) => {
    const worker = await world.worker();
    for (let round = 0; round < 50; round++) {
      const run = await world.begin();
      const lease = await worker.lease(run, '/0');
      const [parked, sent] = await Promise.all([
        worker.commit(lease, { activate: [world.awaiting('/1', 'go')] }),
        world.other.signal({ run, name: 'go', id: null, payload: bytes('x') }),
      ]);
      const woken = [parked, sent].flatMap((one) => ('ready' in one ? paths(one.ready) : [one.kind]));
      expect(woken, sent.kind).toEqual(['/1']);
      expect(text((await worker.lease(run, '/1')).bytes)).toBe('x');
    }
  });
}
