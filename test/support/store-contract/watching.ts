import { expect } from 'vitest';
import type { WorldTest } from './theme.js';

const MINUTE = 60_000;

export function watching(test: WorldTest): void {
  test('sessions are seen as they are: alive, silent, gone or dead, and not at all once they are closed', async ({
    world,
  }) => {
    const judge = await world.worker({ ttlMs: 10 * MINUTE, workerId: 'judge' });
    const gone = await world.worker({ ttlMs: 10 * MINUTE, workerId: 'gone' });
    const silent = await world.worker({ ttlMs: MINUTE, workerId: 'silent' });
    const closed = await world.worker({ workerId: 'closed' });
    const states = async () =>
      Object.fromEntries((await world.other.sessions()).map(({ workerId, state }) => [workerId, state]));
    expect(await states()).toEqual({ judge: 'alive', gone: 'alive', silent: 'alive', closed: 'alive' });

    await closed.session.close();
    await world.harness.abandon(gone.key);
    await world.advance(MINUTE + 1_000);
    await expect.poll(states).toEqual({ judge: 'alive', gone: 'gone', silent: 'silent' });

    const run = await world.begin();
    await silent.lease(run, '/0');
    await judge.store.judge(judge.key, [silent.key]);
    expect(await states()).toMatchObject({ silent: 'dead' });
    const [first] = await world.other.sessions();
    expect(first).toEqual({
      key: judge.key,
      workerId: 'judge',
      host: expect.any(String),
      pid: expect.any(Number),
      startedAt: expect.any(Number),
      ttlUntil: expect.any(Number),
      state: 'alive',
    });
    expect(await (await world.open('elsewhere')).sessions()).toEqual([]);
  });

  test('the load of a queue is what is ready and what is leased, and since when the first waits', async ({ world }) => {
    expect(await world.store.loads()).toEqual([]);
    const worker = await world.worker();
    const { ready } = await world.started();
    await world.started();
    const parked = await world.begin(world.awaiting('/0', 'go'));
    const queue = ready[0]?.queue;
    expect(await world.other.loads()).toEqual([{ queue, ready: 2, leased: 0, oldestReadyAt: ready[0]?.readyAt }]);
    await worker.lease(ready[0]?.run as string, '/0');
    const [load] = await world.other.loads();
    expect(load).toMatchObject({ queue, ready: 1, leased: 1 });
    expect(load?.oldestReadyAt).toBeGreaterThanOrEqual(ready[0]?.readyAt as number);
    expect(await world.states(parked)).toEqual({ '/0': 'awaiting_signal' });
  });

  test('a ready activation tells when its message was stamped, and how often it was replaced', async ({ world }) => {
    const worker = await world.worker();
    const { run, ready } = await world.started();
    const { queue, publishedAt } = ready[0] as (typeof ready)[number];
    expect(await world.row(run, '/0')).toMatchObject({ publishedAt, repeats: 0 });
    await world.advance(MINUTE);
    await worker.store.restamp(worker.key, [{ queue, publishedBefore: publishedAt + 1 }], 10);
    const again = await world.row(run, '/0');
    expect(again.repeats).toBe(1);
    expect(again.publishedAt).toBeGreaterThan(publishedAt);
    await worker.lease(run, '/0');
    expect(await world.row(run, '/0')).toMatchObject({ publishedAt: undefined, repeats: 0 });
  });
}
