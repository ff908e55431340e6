import { expect } from 'vitest';
import { SessionDeadError, type StoreSession } from '../../../src/store/store.js';
import type { WorldTest } from './theme.js';
import { completion, paths, ref, sortedPaths, type Worker } from './world.js';

const MINUTE = 60_000;
const sweepOf = (worker: Worker, poisonAt = 5, limit = 100) => worker.store.sweep(worker.key, { limit, poisonAt });
const beatOf = (worker: Worker, ttlMs = MINUTE) =>
  worker.store.heartbeat(worker.key, { ttlMs, held: [], known: [], before: 0 });

export function sessions(test: WorldTest): void {
  test('a session that beats lives, and one whose time ran out is seen and judged', async ({ world }) => {
    const [judge, living, silent] = [
      await world.worker({ ttlMs: 10 * MINUTE }),
      await world.worker({ ttlMs: MINUTE }),
      await world.worker({ ttlMs: MINUTE }),
    ];
    await world.advance(MINUTE / 2);
    await beatOf(living);
    expect(await judge.store.look(judge.key, { owed: [] })).toMatchObject({ expired: [], unlocked: [], sweep: false });
    await world.advance(MINUTE / 2 + 1_000);
    const seen = await judge.store.look(judge.key, { owed: [] });
    expect(seen.expired).toEqual([silent.key]);
    expect(await judge.store.judge(judge.key, [living.key, silent.key])).toEqual([silent.key]);
    expect(await judge.store.judge(judge.key, [silent.key])).toEqual([]);
    expect((await judge.store.look(judge.key, { owed: [] })).expired).toEqual([]);
    await beatOf(living);
  });

  test('whoever looks sees the others only, and without a session sees all', async ({ world }) => {
    const [one, two] = [await world.worker({ ttlMs: 1 }), await world.worker({ ttlMs: 1 })];
    await world.advance(MINUTE);
    expect((await one.store.look(one.key, { owed: [] })).expired).toEqual([two.key]);
    expect([...(await one.store.look(undefined, { owed: [] })).expired].sort()).toEqual([one.key, two.key].sort());
  });

  test('a heartbeat that was just in time saves the suspect', async ({ world }) => {
    const [judge, suspect] = [await world.worker({ ttlMs: 10 * MINUTE }), await world.worker({ ttlMs: MINUTE })];
    await world.advance(MINUTE + 1_000);
    expect((await judge.store.look(judge.key, { owed: [] })).expired).toEqual([suspect.key]);
    await beatOf(suspect);
    expect(await judge.store.judge(judge.key, [suspect.key])).toEqual([]);
    await suspect.lease(await world.begin(), '/0');
  });

  test('a process that vanished is seen by its lock, long before its time is up', async ({ world }) => {
    const [judge, victim] = [await world.worker(), await world.worker()];
    if (!victim.session.locked) throw new Error('this store cannot tell');
    expect(await judge.store.judge(judge.key, [victim.key])).toEqual([]);
    await world.harness.abandon(victim.key);
    await expect.poll(async () => (await judge.store.look(judge.key, { owed: [] })).unlocked).toEqual([victim.key]);
    expect(await judge.store.judge(judge.key, [victim.key])).toEqual([victim.key]);
  });

  test('what is told of a run reaches every session of the namespace, in whatever process, and nobody else', async ({
    world,
  }) => {
    const heard: string[] = [];
    const stranger = await (await world.open('elsewhere')).openSession({
      workerId: 'x',
      ttlMs: MINUTE,
      host: 'h',
      pid: 1,
    });
    const listen = (name: string, { onTold }: Pick<StoreSession, 'onTold'>) =>
      onTold((told) => heard.push(told.kind === 'controlled' ? `${name} ${told.run}` : told.kind));
    listen('one', (await world.worker()).session);
    listen('two', (await world.rival()).session);
    listen('stranger', stranger);
    const stop = listen('deaf', (await world.worker()).session);
    stop();
    const [first, second] = [await world.begin(), await world.begin()];
    await world.other.tell(first);
    await world.store.tell(second);
    const expected = [`one ${first}`, `one ${second}`, `two ${first}`, `two ${second}`].sort();
    await expect.poll(() => [...heard].sort()).toEqual(expected);
    await stranger.close();
    expect(heard).toHaveLength(4);
  });

  test('a session that was closed in good order is never judged, and closing again is harmless', async ({ world }) => {
    const [judge, left] = [await world.worker({ ttlMs: 10 * MINUTE }), await world.worker({ ttlMs: 1 })];
    const run = await world.begin();
    await left.complete(run, '/0', { activate: [world.ready('/1')] });
    await left.session.close();
    await left.session.close();
    await world.advance(MINUTE);
    expect(await judge.store.look(judge.key, { owed: [] })).toMatchObject({ expired: [], unlocked: [] });
    expect(await judge.store.judge(judge.key, [left.key])).toEqual([]);
    expect(await sweepOf(judge)).toEqual({ ready: [], poisoned: [] });
    await judge.lease(run, '/1');
  });

  test('a lease that is left when its session is closed is given back unharmed, and none can be made later', async ({
    world,
  }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const [run, free] = [await world.begin(), await world.begin()];
    const lease = await worker.lease(run, '/0');
    await worker.session.close();
    expect(await world.row(run, '/0')).toMatchObject({ state: 'ready', losses: 0, attempt: 1 });
    await expect(worker.tryLease(free, '/0')).rejects.toThrow(SessionDeadError);
    await expect(worker.commit(lease)).rejects.toThrow(SessionDeadError);
    await expect(beatOf(worker)).rejects.toThrow(SessionDeadError);
    await world.advance(10_000);
    const owed = [{ queue: world.queue.key, publishedBefore: await world.now() }];
    expect((await rival.store.restamp(rival.key, owed, 10)).map((row) => row.run).sort()).toEqual([run, free].sort());
  });

  test('a dead session that closes in good order leaves its rows to be swept all the same', async ({ world }) => {
    const [judge, victim] = [await world.worker(), await world.worker()];
    const run = await world.begin();
    await victim.lease(run, '/0');
    await world.kill(victim, judge);
    await victim.session.close();
    expect((await judge.store.look(judge.key, { owed: [] })).sweep).toBe(true);
    expect((await sweepOf(judge)).ready).toMatchObject([{ run, path: '/0', losses: 1 }]);
  });

  test('the dead one’s leases are handed on with a loss, and what it owed is stamped anew', async ({ world }) => {
    const [judge, victim] = [await world.worker(), await world.worker({ workerId: 'victim', store: world.other })];
    const run = await world.begin(...world.fork('/0', 3));
    await victim.complete(run, '/0/b0/0', { activate: [world.ready('/0/b0/1')] });
    const lease = await victim.lease(run, '/0/b1/0');
    await world.kill(victim, judge);
    expect((await judge.store.look(judge.key, { owed: [] })).sweep).toBe(true);
    expect((await judge.tryLease(run, '/0/b1/0')).kind).toBe('taken');
    const { ready, poisoned } = await sweepOf(judge);
    expect(poisoned).toEqual([]);
    // The run was started by a client: what nobody of the dead stamped isn't touched.
    expect(sortedPaths(ready)).toEqual(['/0/b0/1', '/0/b1/0']);
    expect(ready.find(({ path }) => path === '/0/b1/0')).toMatchObject({ losses: 1, readyAt: lease.readyAt });
    expect(ready.find(({ path }) => path === '/0/b0/1')).toMatchObject({ losses: 0 });
    expect((await sweepOf(judge)).ready).toEqual([]);
    expect(await judge.lease(run, '/0/b1/0')).toMatchObject({ attempt: 1, losses: 1 });
  });

  test('a sweep takes no more rows than it was told to, and goes on where it stopped', async ({ world }) => {
    const [judge, victim] = [await world.worker(), await world.worker()];
    const run = await world.begin(...world.fork('/0', 7));
    for (let b = 0; b < 7; b++) await victim.lease(run, `/0/b${b}/0`);
    await world.kill(victim, judge);
    const swept = [];
    for (let i = 0; i < 3; i++) swept.push((await sweepOf(judge, 5, 3)).ready.length);
    expect(swept).toEqual([3, 3, 1]);
  });

  test('every verb of a dead session that creates or leases rejects, and what it held is lost', async ({ world }) => {
    const [judge, victim] = [await world.worker(), await world.rival()];
    const [run, free] = [await world.begin(...world.fork('/0', 4)), await world.begin()];
    const held = ref(await victim.lease(run, '/0/b0/0'));
    const queue = { queue: world.queue.key, publishedBefore: (await world.now()) + MINUTE };
    await world.kill(victim, judge);
    const dead = async () => {
      const { store, key } = victim;
      const expansion = { ...held, activate: [world.ready('/0/b0/0#0')], from: 0, next: 1, total: 1 };
      await expect(store.lease(key, [{ run: free, path: '/0', number: 50 }]), 'lease').rejects.toThrow(
        SessionDeadError,
      );
      await expect(store.commit(key, [completion(held)]), 'commit').rejects.toThrow(SessionDeadError);
      await expect(store.expand(key, expansion), 'expand').rejects.toThrow(SessionDeadError);
      await expect(store.fireTimers(key, 10), 'fireTimers').rejects.toThrow(SessionDeadError);
      await expect(store.restamp(key, [queue], 10), 'restamp').rejects.toThrow(SessionDeadError);
      await expect(store.sweep(key, { limit: 10, poisonAt: 5 }), 'sweep').rejects.toThrow(SessionDeadError);
      await expect(beatOf(victim), 'heartbeat').rejects.toThrow(SessionDeadError);
    };
    await dead();
    expect((await world.row(run, '/0/b0/0')).state).toBe('leased');
    await sweepOf(judge);
    await dead();
    const error = { name: 'Error', message: 'late' };
    expect(await victim.store.backOff(victim.key, [{ ...held, delayMs: 1, error }])).toEqual([false]);
    expect(await victim.store.fail(victim.key, { ...held, error, task: 't', attempt: 1 })).toEqual({ kind: 'lost' });
    expect(await victim.store.handBack(victim.key, [held])).toEqual([]);
    expect(await world.row(run, '/0/b0/0')).toMatchObject({ state: 'ready', losses: 1 });
    expect((await world.row(free, '/0')).state).toBe('ready');
  });

  test('an activation that outlives its workers too often is poison: its run fails', async ({ world }) => {
    const judge = await world.worker();
    const run = await world.begin(...world.fork('/0', 2));
    for (let losses = 1; losses < 3; losses++) {
      const victim = await world.rival();
      await victim.lease(run, '/0/b0/0');
      await world.kill(victim, judge);
      expect(await sweepOf(judge, 3)).toMatchObject({ ready: [{ path: '/0/b0/0', losses }], poisoned: [] });
    }
    const victim = await world.rival();
    await victim.lease(run, '/0/b0/0');
    await world.kill(victim, judge);
    const poisoned = [{ run, path: '/0/b0/0' }];
    expect(await sweepOf(judge, 3)).toEqual({ ready: [], poisoned });
    expect(await sweepOf(judge, 3), 'until somebody deals with it').toEqual({ ready: [], poisoned });
    const failure = { error: { name: 'PoisonedError', message: 'lost 3 workers' }, task: 'charge' };
    const ended = await judge.store.poison(judge.key, { run, path: '/0/b0/0' }, failure);
    expect(ended).toMatchObject({ run, status: 'failed' });
    expect(await world.run(run)).toMatchObject({
      status: 'failed',
      error: failure.error,
      failedTask: 'charge',
      failedAttempt: 1,
    });
    expect(await world.row(run, '/0/b0/0')).toMatchObject({ state: 'failed', losses: 3 });
    expect(await world.row(run, '/0/b1/0')).toMatchObject({ state: 'cancelled' });
    expect(await judge.store.poison(judge.key, { run, path: '/0/b0/0' }, failure)).toBeUndefined();
    expect(await sweepOf(judge, 3)).toEqual({ ready: [], poisoned: [] });
  });

  test('nobody’s lease is poison while its holder lives', async ({ world }) => {
    const [judge, living] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = await living.lease(run, '/0');
    const failure = { error: { name: 'PoisonedError', message: 'x' }, task: 'charge' };
    expect(await judge.store.poison(judge.key, { run, path: '/0' }, failure)).toBeUndefined();
    expect(await judge.store.poison(judge.key, { run: '999999999', path: '/0' }, failure)).toBeUndefined();
    expect((await living.commit(lease)).kind).toBe('committed');
  });

  test('a heartbeat tells which leases are lost and why', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const [kept, cancelled, failed, taken] = [
      await world.begin(),
      await world.begin(),
      await world.begin(...world.fork('/0', 2)),
      await world.begin(),
    ];
    const leases = [
      await worker.lease(kept, '/0'),
      await worker.lease(cancelled, '/0'),
      await worker.lease(failed, '/0/b0/0'),
      await worker.lease(taken, '/0'),
    ].map(ref);
    const [, first, second, third] = leases.map(({ number }) => number);
    await world.store.cancel(cancelled, {});
    const sibling = ref(await rival.lease(failed, '/0/b1/0'));
    await rival.store.fail(rival.key, { ...sibling, error: { name: 'Error', message: 'x' }, task: 't', attempt: 1 });
    await worker.store.handBack(worker.key, leases.slice(3));
    await rival.lease(taken, '/0', third);
    const known = leases.map(({ number }) => number);
    const { lost, ready } = await worker.store.heartbeat(worker.key, {
      ttlMs: MINUTE,
      held: leases,
      known,
      before: 100,
    });
    expect(ready).toEqual([]);
    expect([...lost].sort((a, b) => a.number - b.number)).toEqual([
      { number: first, reason: 'cancelled' },
      { number: second, reason: 'failed' },
      { number: third, reason: 'taken' },
    ]);
  });

  test('progress is written where given, by the holder only, and later ones replace it', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = ref(await worker.lease(run, '/0'));
    const beat = (by: Worker, progress?: string) =>
      by.store.heartbeat(by.key, {
        ttlMs: MINUTE,
        held: [{ ...lease, ...(progress === undefined ? {} : { progress }) }],
        known: [lease.number],
        before: 100,
      });
    await beat(worker, '{"page":1}');
    await beat(worker);
    await beat(rival, '"stolen"');
    expect((await world.row(run, '/0')).progress).toEqual({ page: 1 });
    await beat(worker, '2');
    await worker.store.handBack(worker.key, [lease]);
    expect((await rival.lease(run, '/0')).progress).toBe('2');
  });

  test('a lease that its own session does not know of is handed back: neither newer nor known ones are', async ({
    world,
  }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 4));
    for (let b = 0; b < 4; b++) await worker.lease(run, `/0/b${b}/0`, b + 1);
    const beat = { ttlMs: MINUTE, held: [{ run, path: '/0/b0/0', number: 1 }], known: [1, 2], before: 4 };
    const { lost, ready } = await worker.store.heartbeat(worker.key, beat);
    expect([lost, paths(ready)]).toEqual([[], ['/0/b2/0']]);
    expect(await world.states(run)).toMatchObject({
      '/0/b0/0': 'leased',
      '/0/b1/0': 'leased',
      '/0/b2/0': 'ready',
      '/0/b3/0': 'leased',
    });
    expect(ready[0]).toMatchObject({ losses: 0 });
  });
}
