import { expect } from 'vitest';
import type { WorldTest } from './theme.js';
import { bytes, ref, text } from './world.js';

export function leasing(test: WorldTest): void {
  test('a ready activation is leased with everything that running it takes', async ({ world }) => {
    const worker = await world.worker();
    const { run, ready } = await world.started({ id: 'order-1', metadata: '{"a":1}', replyTo: 'me', priority: 2 });
    const result = await worker.tryLease(run, '/0', 7);
    expect(result).toEqual({
      kind: 'leased',
      activation: {
        run,
        path: '/0',
        number: 7,
        info: {
          run,
          id: 'order-1',
          workflow: 'checkout',
          hash: 'ab'.repeat(32),
          priority: 2,
          metadata: '{"a":1}',
          replyTo: 'me',
        },
        attempt: 1,
        losses: 0,
        source: '',
        recipe: null,
        bytes: expect.any(Uint8Array),
        pending: null,
        cursor: 0,
        readyAt: ready[0]?.readyAt,
        progress: null,
      },
    });
    expect(await world.row(run, '/0')).toMatchObject({
      state: 'leased',
      worker: 'worker',
      startedAt: expect.any(Number),
    });
  });

  test('bytes come along where one stored value is all that the input takes', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    await worker.complete(run, '/0', {
      output: bytes('from /0'),
      activate: [
        world.ready('/1/b0/0', { source: '' }),
        world.ready('/1/b1/0', { source: '/0' }),
        world.ready('/1/b2/0', { source: null, input: bytes('own') }),
        world.ready('/1/b3/0', { source: '/0', recipe: '["unwrap",["output","/0"]]' }),
        world.ready('/1/b4/0', { source: null, recipe: '["gather","/9"]' }),
      ],
    });
    const leased = await Promise.all([0, 1, 2, 3, 4].map((b) => worker.lease(run, `/1/b${b}/0`)));
    expect(leased.map((one) => text(one.bytes))).toEqual(['the input', 'from /0', 'own', 'from /0', undefined]);
    expect(leased[3]).toMatchObject({ source: '/0', recipe: '["unwrap",["output","/0"]]' });
    expect(leased[4]).toMatchObject({ source: null, recipe: '["gather","/9"]' });
  });

  test('empty bytes are bytes', async ({ world }) => {
    const worker = await world.worker();
    const { run } = await world.started({ input: new Uint8Array() });
    expect((await worker.lease(run, '/0')).bytes).toHaveLength(0);
  });

  test('what somebody has leased is taken, also for another number of the same session', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const { number } = await worker.lease(run, '/0');
    expect(await rival.tryLease(run, '/0')).toEqual({ kind: 'taken' });
    expect(await rival.tryLease(run, '/0', number)).toEqual({ kind: 'taken' });
    expect(await worker.tryLease(run, '/0')).toEqual({ kind: 'taken' });
    expect((await worker.commit({ run, path: '/0', number })).kind).toBe('committed');
  });

  test('a lease that is repeated with its number is had again', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin();
    const first = await worker.lease(run, '/0');
    expect(await worker.lease(run, '/0', first.number)).toEqual(first);
  });

  test('a completed activation is done, and what is parked, ended or unknown is gone', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(
      world.ready('/0/b0/0'),
      world.delayed('/0/b1/0', 60_000),
      world.awaiting('/0/b2/0', 'go'),
      world.joining('/0', 4),
      world.ready('/0/b3/0', { state: 'queued' }),
    );
    await worker.complete(run, '/0/b0/0', { output: bytes('x') });
    const cancelled = await world.begin();
    await world.store.cancel(cancelled, {});
    const paused = await world.begin();
    await world.store.pause(paused, {});
    const asked = [
      [run, '/0/b0/0'],
      [run, '/0/b1/0'],
      [run, '/0/b2/0'],
      [run, '/0'],
      [run, '/0/b3/0'],
      [cancelled, '/0'],
      [paused, '/0'],
      [run, '/77'],
      ['999999999', '/0'],
    ] as const;
    const results = await worker.store.lease(
      worker.key,
      asked.map(([key, path]) => ({ run: key, path, number: worker.take() })),
    );
    expect(results.map(({ kind }) => kind)).toEqual(['done', ...Array<string>(8).fill('gone')]);
    expect(await worker.store.lease(worker.key, [])).toEqual([]);
  });

  test('a batch is answered in its order, and asked for twice in it an activation is leased once', async ({
    world,
  }) => {
    const worker = await world.worker();
    const runs = await Promise.all(Array.from({ length: 20 }, () => world.begin()));
    const requests = [...runs].reverse().map((run) => ({ run, path: '/0', number: worker.take() }));
    const results = await worker.store.lease(worker.key, requests);
    expect(results.map((one) => (one.kind === 'leased' ? ref(one.activation) : one.kind))).toEqual(requests);
    const run = await world.begin();
    const twice = await worker.store.lease(
      worker.key,
      [1, 2].map(() => ({ run, path: '/0', number: worker.take() })),
    );
    expect(twice.map(({ kind }) => kind).sort()).toEqual(['leased', 'taken']);
  });

  test('of many workers that ask at once exactly one has the lease', async ({ world }) => {
    const workers = [await world.worker(), await world.rival(), await world.worker(), await world.rival()];
    for (let round = 0; round < 25; round++) {
      const run = await world.begin();
      const results = await Promise.all(workers.map((worker) => worker.tryLease(run, '/0')));
      expect(results.map(({ kind }) => kind).sort()).toEqual(['leased', 'taken', 'taken', 'taken']);
    }
  });

  test('a lease that was given back is ready again, its attempt not counted, its age kept', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const { run, ready } = await world.started();
    const lease = ref(await worker.lease(run, '/0'));
    expect(await rival.store.handBack(rival.key, [lease])).toEqual([]);
    expect(await worker.store.handBack(worker.key, [])).toEqual([]);
    const [back, ...more] = await worker.store.handBack(worker.key, [lease, { run, path: '/9', number: 1 }]);
    expect(more).toEqual([]);
    expect(back).toMatchObject({ run, path: '/0', queue: world.queue.key, losses: 0, readyAt: ready[0]?.readyAt });
    expect(await worker.store.handBack(worker.key, [lease])).toEqual([]);
    expect(await worker.commit(lease)).toEqual({ kind: 'lost' });
    expect(await rival.lease(run, '/0')).toMatchObject({ attempt: 1, losses: 0 });
  });
}
