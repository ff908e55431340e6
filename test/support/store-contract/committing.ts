import { expect } from 'vitest';
import { StoreRejectedError } from '../../../src/store/store.js';
import type { WorldTest } from './theme.js';
import { bytes, completion, paths, ref, text } from './world.js';

export function committing(test: WorldTest): void {
  test('a completion keeps its output and makes its successors ready', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    const output = bytes('made by /0');
    const lease = await worker.lease(run, '/0');
    const result = await worker.commit(lease, { output, activate: [world.ready('/1', { source: '/0' })] });
    output.fill(0);
    expect(result).toMatchObject({
      kind: 'committed',
      ready: [{ run, path: '/1', queue: world.queue.key, losses: 0 }],
    });
    expect(result).not.toHaveProperty('leased');
    expect(result).not.toHaveProperty('ended');
    expect(await world.states(run)).toEqual({ '/0': 'completed', '/1': 'ready' });
    const [stored, none] = await world.store.outputs([
      { run, path: '/0' },
      { run, path: '/1' },
    ]);
    expect([text(stored), none]).toEqual(['made by /0', undefined]);
  });

  test('a successor may be leased along with it, and then nobody is owed a message', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const number = worker.take();
    const result = await worker.complete(run, '/0', { activate: [world.ready('/1', { leaseNumber: number })] });
    expect(result).toEqual({ kind: 'committed', ready: [], leased: '/1', readyAt: expect.any(Number) });
    expect(await rival.tryLease(run, '/1')).toEqual({ kind: 'taken' });
    expect(await worker.lease(run, '/1', number)).toMatchObject({ attempt: 1, readyAt: result.readyAt });
    expect((await worker.commit({ run, path: '/1', number })).kind).toBe('committed');
  });

  test('on a paused run successors are held, also the one that was to be leased along', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 2));
    const leases = [await worker.lease(run, '/0/b0/0'), await worker.lease(run, '/0/b1/0')] as const;
    await world.store.pause(run, {});
    const number = worker.take();
    const eager = await worker.commit(leases[0], { activate: [world.ready('/0/b0/1', { leaseNumber: number })] });
    const plain = await worker.commit(leases[1], { activate: [world.ready('/0/b1/1')] });
    expect([eager, plain]).toEqual(Array(2).fill({ kind: 'committed', ready: [] }));
    expect(await world.states(run)).toMatchObject({ '/0/b0/1': 'held', '/0/b1/1': 'held' });
    expect(await worker.tryLease(run, '/0/b0/1', number)).toEqual({ kind: 'gone' });
    const resumed = await world.store.resume(run);
    expect(resumed.kind === 'done' && paths(resumed.ready).sort()).toEqual(['/0/b0/1', '/0/b1/1']);
  });

  test('a write without the lease is lost and changes nothing', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = ref(await worker.lease(run, '/0', 5));
    const follow = { output: bytes('stolen'), activate: [world.ready('/1')], finish: { source: null, recipe: null } };
    expect(await rival.commit(lease, follow, { repeat: true })).toEqual({ kind: 'lost' });
    expect(await worker.commit({ ...lease, number: 4 }, follow, { repeat: true })).toEqual({ kind: 'lost' });
    expect(await worker.commit({ ...lease, path: '/7' }, follow)).toEqual({ kind: 'lost' });
    expect(await world.states(run)).toEqual({ '/0': 'leased' });
    expect((await world.run(run)).status).toBe('running');
  });

  test('a completion is recorded once: its repeat is known by its number and has the successors as they stand', async ({
    world,
  }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    const follow = { activate: [...world.fork('/1', 2), world.delayed('/2', 60_000)] };
    expect((await worker.commit(lease, follow)).kind).toBe('committed');
    expect(await worker.commit(lease, follow)).toEqual({ kind: 'lost' });
    const repeated = await worker.commit(lease, follow, { repeat: true });
    expect(repeated.kind === 'committed' && paths(repeated.ready).sort()).toEqual(['/1/b0/0', '/1/b1/0']);
    await rival.lease(run, '/1/b0/0');
    const again = await worker.commit(lease, follow, { repeat: true });
    expect(again.kind === 'committed' && paths(again.ready)).toEqual(['/1/b1/0']);
    expect(await rival.commit(lease, follow, { repeat: true })).toEqual({ kind: 'lost' });
  });

  test('the repeat of a commit with an eager lease has the lease only while its row still carries it', async ({
    world,
  }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    const number = worker.take();
    const follow = { activate: [world.ready('/1', { leaseNumber: number })] };
    const first = await worker.commit(lease, follow);
    expect(await worker.commit(lease, follow, { repeat: true })).toEqual(first);
    await worker.store.handBack(worker.key, [{ run, path: '/1', number }]);
    const owed = await worker.commit(lease, follow, { repeat: true });
    expect(owed).not.toHaveProperty('leased');
    expect(owed.kind === 'committed' && paths(owed.ready)).toEqual(['/1']);
    await rival.lease(run, '/1', number);
    expect(await worker.commit(lease, follow, { repeat: true })).toEqual({ kind: 'committed', ready: [] });
  });

  test('the last completion ends the run, with its output, and says whom to tell', async ({ world }) => {
    const worker = await world.worker();
    const { run } = await world.started({ id: 'last', replyTo: 'the starter' });
    const lease = await worker.lease(run, '/0');
    const follow = { output: bytes('all'), finish: { source: '/0', recipe: '["unwrap",["output","/0"]]' } };
    const ended = { run, id: 'last', workflow: 'checkout', status: 'completed', replyTo: 'the starter' };
    expect(await worker.commit(lease, follow)).toEqual({ kind: 'committed', ready: [], ended });
    expect(await worker.commit(lease, follow, { repeat: true })).toEqual({ kind: 'committed', ready: [], ended });
    expect(await world.run(run)).toMatchObject({
      status: 'completed',
      output: follow.finish,
      finishedAt: expect.any(Number),
    });
  });

  test('a batch is answered in its order, and what is lost in it leaves the rest alone', async ({ world }) => {
    const worker = await world.worker();
    const runs = await Promise.all(Array.from({ length: 10 }, () => world.begin()));
    const leases = await Promise.all(runs.map((run) => worker.lease(run, '/0')));
    await world.store.cancel(runs[3] as string, {});
    const batch = [...leases].reverse().map((lease) => completion(lease, { activate: [world.ready('/1')] }));
    const results = await worker.store.commit(worker.key, batch);
    const owners = results.map((one) => (one.kind === 'committed' ? one.ready.map(({ run }) => run) : one.kind));
    expect(owners).toEqual([...runs].reverse().map((run) => (run === runs[3] ? 'lost' : [run])));
    expect(await worker.store.commit(worker.key, [])).toEqual([]);
  });

  test('a completion that cannot be stored is refused with all of its batch, and the others can be stored without it', async ({
    world,
  }) => {
    const worker = await world.worker();
    const [good, bad] = [await world.begin(), await world.begin()];
    const innocent = completion(await worker.lease(good, '/0'), { activate: [world.ready('/1')] });
    const lease = await worker.lease(bad, '/0');
    const offenders = [
      completion(lease, { activate: [world.awaiting('/1', 'a\0b')] }),
      completion(lease, { activate: [world.ready('/0')] }),
      completion(lease, { activate: [world.ready('/1'), world.ready('/1')] }),
    ];
    for (const offender of offenders) {
      await expect(worker.store.commit(worker.key, [innocent, offender])).rejects.toThrow(StoreRejectedError);
      await expect(worker.store.commit(worker.key, [offender])).rejects.toThrow(StoreRejectedError);
    }
    expect(await world.states(good)).toEqual({ '/0': 'leased' });
    expect(await world.states(bad)).toEqual({ '/0': 'leased' });
    expect((await worker.store.commit(worker.key, [innocent]))[0]?.kind).toBe('committed');
    expect((await worker.commit(lease)).kind).toBe('committed');
  });
}
