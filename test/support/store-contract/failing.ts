import { expect } from 'vitest';
import type { WorldTest } from './theme.js';
import { arriveAt, ref } from './world.js';

const error = {
  name: 'CardDeclined',
  message: 'no funds',
  code: 'E_FUNDS',
  stack: 'at charge',
  cause: { name: 'Error', message: 'x' },
};

export function failing(test: WorldTest): void {
  test('a final failure fails the run with it, and everything else of the run is cancelled', async ({ world }) => {
    const worker = await world.worker();
    const branches = [world.awaiting('/0/b2/0', 'go', 60_000), world.delayed('/0/b3/0', 60_000)];
    const activations = [world.joining('/0', 7), ...[0, 1, 4, 5, 6].map((b) => world.ready(`/0/b${b}/0`)), ...branches];
    const { run } = await world.started({ id: 'declined', activations, replyTo: 'the starter' });
    const sibling = await worker.lease(run, '/0/b1/0');
    await worker.backOff(run, '/0/b4/0', 60_000);
    await worker.complete(run, '/0/b5/0', arriveAt('/0', 5));
    const lease = ref(await worker.lease(run, '/0/b0/0'));
    const failure = { ...lease, error, task: 'charge', attempt: 3 };
    const ended = { run, id: 'declined', workflow: 'checkout', status: 'failed', replyTo: 'the starter' };
    expect(await worker.store.fail(worker.key, failure)).toEqual({ kind: 'failed', ended });
    expect(await world.states(run)).toEqual({
      '/0': 'cancelled',
      '/0/b0/0': 'failed',
      '/0/b1/0': 'cancelled',
      '/0/b2/0': 'cancelled',
      '/0/b3/0': 'cancelled',
      '/0/b4/0': 'cancelled',
      '/0/b5/0': 'completed',
      '/0/b6/0': 'cancelled',
    });
    expect(await world.run(run)).toMatchObject({
      status: 'failed',
      error,
      failedTask: 'charge',
      failedAttempt: 3,
      finishedAt: expect.any(Number),
    });
    expect((await world.row(run, '/0/b0/0')).error).toEqual(error);
    expect(await worker.store.fail(worker.key, failure), 'repeated').toEqual({ kind: 'failed', ended });
    expect(await worker.commit(sibling, { activate: [world.ready('/0/b1/1')], ...arriveAt('/0', 1) })).toEqual({
      kind: 'lost',
    });
    expect(await worker.tryLease(run, '/0/b6/0')).toEqual({ kind: 'gone' });
    expect(await world.store.signal({ run, name: 'go', id: null, payload: new Uint8Array() })).toEqual({
      kind: 'refused',
      status: 'failed',
    });
  });

  test('what a failing attempt said of its progress is kept with it, and what was told before when it says nothing', async ({
    world,
  }) => {
    const worker = await world.worker({ ttlMs: 600_000 });
    const run = await world.begin();
    const [held, said] = [ref(await worker.lease(run, '/0')), { error, delayMs: 1 }];
    expect(await worker.store.backOff(worker.key, [{ ...held, ...said, progress: '"half"' }])).toEqual([true]);
    await world.advance(1_000);
    await worker.store.fireTimers(worker.key, 10);
    const again = await worker.lease(run, '/0');
    expect(again.progress).toBe('"half"');
    expect(await worker.store.backOff(worker.key, [{ ...ref(again), ...said }])).toEqual([true]);
    await world.advance(1_000);
    await worker.store.fireTimers(worker.key, 10);
    const last = await worker.lease(run, '/0');
    expect(last.progress).toBe('"half"');
    await worker.store.fail(worker.key, { ...ref(last), error, task: 'charge', attempt: 3, progress: '"most"' });
    expect((await world.row(run, '/0')).progress).toBe('most');
  });

  test('what a sibling reports after the failure is lost', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin(...world.fork('/0', 2));
    const [lease, late] = [ref(await worker.lease(run, '/0/b0/0')), ref(await rival.lease(run, '/0/b1/0'))];
    await worker.store.fail(worker.key, { ...lease, error, task: 'charge', attempt: 1 });
    expect(await rival.store.backOff(rival.key, [{ ...late, error, delayMs: 1 }])).toEqual([false]);
    expect(await rival.store.fail(rival.key, { ...late, error, task: 'other', attempt: 1 })).toEqual({ kind: 'lost' });
    expect(await rival.store.handBack(rival.key, [late])).toEqual([]);
    expect(await rival.commit(late, {}, { repeat: true })).toEqual({ kind: 'lost' });
    const { lost } = await rival.store.heartbeat(rival.key, {
      ttlMs: 600_000,
      held: [late],
      known: [late.number],
      before: 9,
    });
    expect(lost).toEqual([{ number: late.number, reason: 'failed' }]);
    expect(await world.run(run)).toMatchObject({ failedTask: 'charge' });
  });

  test('a failure without the lease is lost and changes nothing', async ({ world }) => {
    const [worker, rival] = [await world.worker(), await world.rival()];
    const run = await world.begin();
    const lease = ref(await worker.lease(run, '/0'));
    const failure = { ...lease, error, task: 'charge', attempt: 1 };
    expect(await rival.store.fail(rival.key, failure)).toEqual({ kind: 'lost' });
    expect(await worker.store.fail(worker.key, { ...failure, number: 99 })).toEqual({ kind: 'lost' });
    expect(await worker.store.fail(worker.key, { ...failure, run: '999999999' })).toEqual({ kind: 'lost' });
    expect((await world.run(run)).status).toBe('running');
    expect((await worker.commit(lease)).kind).toBe('committed');
    expect(await worker.store.fail(worker.key, failure)).toEqual({ kind: 'lost' });
  });

  test('a paused run fails too, and forgets why it was paused', async ({ world }) => {
    const worker = await world.worker();
    const run = await world.begin(...world.fork('/0', 2));
    const lease = ref(await worker.lease(run, '/0/b0/0'));
    await world.store.pause(run, { reason: 'lunch', by: 'me' });
    expect((await worker.store.fail(worker.key, { ...lease, error, task: 'charge', attempt: 1 })).kind).toBe('failed');
    expect(await world.run(run)).toMatchObject({ status: 'failed', reason: undefined, by: undefined });
    expect(await world.store.resume(run)).toEqual({ kind: 'refused', status: 'failed' });
    expect(await world.states(run)).toEqual({ '/0': 'cancelled', '/0/b0/0': 'failed', '/0/b1/0': 'cancelled' });
  });

  test('of siblings that fail at once one fails the run', async ({ world }) => {
    const workers = [await world.worker(), await world.rival()];
    for (let round = 0; round < 20; round++) {
      const run = await world.begin(...world.fork('/0', 2));
      const leases = await Promise.all(workers.map((worker, b) => worker.lease(run, `/0/b${b}/0`)));
      const results = await Promise.all(
        workers.map((worker, b) =>
          worker.store.fail(worker.key, { ...ref(leases[b] as never), error, task: `b${b}`, attempt: 1 }),
        ),
      );
      expect(results.map(({ kind }) => kind).sort()).toEqual(['failed', 'lost']);
      expect((await world.run(run)).failedTask).toBe(`b${results.findIndex(({ kind }) => kind === 'failed')}`);
    }
  });
}
