import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { type ConflictPolicy, StoreRejectedError } from '../../../src/store/store.js';
import type { WorldTest } from './theme.js';
import { bytes, paths, sortedPaths, text } from './world.js';

export function starting(test: WorldTest): void {
  test('a started run is running, and every activation that is ready is returned for its message', async ({
    world,
  }) => {
    const before = await world.now();
    const { run, ready } = await world.started({
      activations: world.fork('/0', 2),
      priority: 1,
      metadata: '{"a":1}',
      replyTo: 'me',
    });
    const after = await world.now();
    expect(sortedPaths(ready)).toEqual(['/0/b0/0', '/0/b1/0']);
    for (const row of ready) {
      expect(row).toMatchObject({ run, queue: world.queue.key, losses: 0 });
      expect(row.readyAt).toBeGreaterThanOrEqual(before);
      expect(row.publishedAt).toBeLessThanOrEqual(after);
    }
    expect(await world.states(run)).toEqual({ '/0': 'joining', '/0/b0/0': 'ready', '/0/b1/0': 'ready' });
    expect(await world.run(run)).toMatchObject({
      status: 'running',
      priority: 1,
      metadata: '{"a":1}',
      replyTo: 'me',
      current: true,
    });
    expect(text(await world.store.runInput(run))).toBe('the input');
  });

  test('a run may start with a delay, or with waiting for a signal', async ({ world }) => {
    const { run, ready } = await world.started({ activations: [world.delayed('/0', 60_000)] });
    expect(ready).toEqual([]);
    expect((await world.row(run, '/0')).dueAt).toBeGreaterThan(await world.now());
    const waiting = await world.begin(world.awaiting('/0', 'go', 60_000));
    expect(await world.row(waiting, '/0')).toMatchObject({
      state: 'awaiting_signal',
      signal: 'go',
      dueAt: expect.any(Number),
    });
  });

  test('what the caller does to its bytes later changes nothing', async ({ world }) => {
    const input = bytes('mine');
    const element = bytes('element');
    const { run } = await world.started({ input, activations: [world.ready('/0', { source: null, input: element })] });
    input.fill(0);
    element.fill(0);
    (await world.store.runInput(run)).fill(0);
    expect(text(await world.store.runInput(run))).toBe('mine');
    const worker = await world.worker();
    const lease = await worker.lease(run, '/0');
    expect(text(lease.bytes)).toBe('element');
    lease.bytes?.fill(0);
    expect(text((await worker.lease(run, '/0', lease.number)).bytes)).toBe('element');
  });

  test.for<ConflictPolicy>(['fail', 'use_existing'])(
    '%s answers with the run that has the id, live or ended',
    async (conflict, { world }) => {
      const first = world.request();
      const { run } = await world.started(first);
      const second = { ...first, token: randomUUID(), conflict, workflow: 'refund' };
      const exists = { kind: 'exists', run, workflow: 'checkout' };
      expect(await world.startOne(second)).toEqual({ ...exists, status: 'running' });
      await world.store.cancel(run, {});
      expect(await world.startOne(second, world.other)).toEqual({ ...exists, status: 'cancelled' });
      expect(await world.store.listRuns({ limit: 10 })).toHaveLength(1);
    },
  );

  test('terminate_existing cancels the live run of the id and takes the id', async ({ world }) => {
    const worker = await world.worker();
    const first = world.request({ activations: world.fork('/0', 2), replyTo: 'the starter' });
    const { run: old } = await world.started(first);
    const lease = await worker.lease(old, '/0/b0/0');
    const result = await world.startOne(world.request({ id: first.id, conflict: 'terminate_existing' }), world.other);
    expect(result).toMatchObject({
      kind: 'started',
      terminated: { run: old, id: first.id, workflow: 'checkout', status: 'cancelled', replyTo: 'the starter' },
    });
    expect(await world.states(old)).toEqual({ '/0': 'cancelled', '/0/b0/0': 'cancelled', '/0/b1/0': 'cancelled' });
    expect(await world.run(old)).toMatchObject({ status: 'cancelled', current: false, reason: expect.any(String) });
    expect(await worker.commit(lease, { activate: [world.ready('/1')] })).toEqual({ kind: 'lost' });
    expect((await world.store.findRun(first.id))?.run).toBe(result.run);
  });

  test('terminate_existing sets an ended run of the id aside and leaves it as it ended', async ({ world }) => {
    const first = world.request();
    const { run: old } = await world.started(first);
    await (await world.worker()).complete(old, '/0', { finish: { source: '/0', recipe: null } });
    const result = await world.startOne(world.request({ id: first.id, conflict: 'terminate_existing' }));
    expect(result.kind).toBe('started');
    expect(result).not.toHaveProperty('terminated');
    expect(await world.run(old)).toMatchObject({ status: 'completed', current: false });
    expect((await world.store.findRun(first.id))?.run).toBe(result.run);
  });

  test.for<ConflictPolicy>(['fail', 'use_existing', 'terminate_existing'])(
    '%s: a start that is repeated with its token returns the run that it started, and what is still ready of it',
    async (conflict, { world }) => {
      const request = world.request({ conflict, activations: world.fork('/0', 2) });
      const { run } = await world.started(request);
      const repeated = await world.startOne(request, world.other);
      expect(repeated).toMatchObject({ kind: 'started', run });
      expect(repeated.kind === 'started' && paths(repeated.ready).sort()).toEqual(['/0/b0/0', '/0/b1/0']);
      await (await world.worker()).lease(run, '/0/b0/0');
      const again = await world.startOne(request);
      expect(again.kind === 'started' && paths(again.ready)).toEqual(['/0/b1/0']);
      expect((await world.run(run)).status).toBe('running');
      expect(await world.store.listRuns({ limit: 10 })).toHaveLength(1);
    },
  );

  test.for<ConflictPolicy>(['fail', 'use_existing', 'terminate_existing'])(
    '%s: a repeated start whose run was terminated in the meantime returns that run, and leaves its successor alone',
    async (conflict, { world }) => {
      const request = world.request({ conflict });
      const { run } = await world.started(request);
      const successor = await world.startOne(world.request({ id: request.id, conflict: 'terminate_existing' }));
      expect(await world.startOne(request)).toEqual({ kind: 'started', run, ready: [] });
      expect(await world.run(successor.run)).toMatchObject({ status: 'running', current: true });
    },
  );

  test('of 100 starts of one id at once exactly one wins', async ({ world }) => {
    const requests = Array.from({ length: 100 }, () => world.request({ id: 'the one' }));
    const results = await Promise.all(
      requests.map((request, i) => world.startOne(request, i % 2 ? world.store : world.other)),
    );
    const winner = results.filter(({ kind }) => kind === 'started');
    expect(winner).toHaveLength(1);
    expect(new Set(results.map(({ run }) => run)).size).toBe(1);
    expect(await world.store.listRuns({ limit: 200 })).toHaveLength(1);
  });

  test('of 60 starts at once that terminate each other exactly one is left running', async ({ world }) => {
    const requests = Array.from({ length: 60 }, () => world.request({ id: 'the one', conflict: 'terminate_existing' }));
    const results = await Promise.all(
      requests.map((request, i) => world.startOne(request, i % 2 ? world.store : world.other)),
    );
    expect(results.every(({ kind }) => kind === 'started')).toBe(true);
    const runs = await world.store.listRuns({ limit: 200 });
    expect(runs).toHaveLength(60);
    expect(runs.filter(({ status }) => status === 'running')).toEqual(runs.filter(({ current }) => current));
    expect(runs.filter(({ current }) => current)).toHaveLength(1);
  });

  test('in one batch results stand in the order of the requests, and of one id the first wins', async ({ world }) => {
    const [a, b] = [world.request({ id: 'b' }), world.request({ id: 'a' })];
    const results = await world.store.start([a, b, world.request({ id: 'b' }), world.request()]);
    expect(results.map(({ kind }) => kind)).toEqual(['started', 'started', 'exists', 'started']);
    expect(results[2]?.run).toBe(results[0]?.run);
    expect((await world.store.findRun('b'))?.run).toBe(results[0]?.run);
    expect((await world.store.findRun('a'))?.run).toBe(results[1]?.run);
    expect(await world.store.start([])).toEqual([]);
  });

  test('a start that cannot be stored is refused as such and leaves nothing behind', async ({ world }) => {
    await expect(world.startOne(world.request({ id: 'a\0b' }))).rejects.toThrow(StoreRejectedError);
    const twice = world.request({ activations: [world.ready('/0'), world.ready('/0')] });
    await expect(world.startOne(twice)).rejects.toThrow(StoreRejectedError);
    expect(await world.store.findRun(twice.id)).toBeUndefined();
    expect(await world.store.listRuns({ limit: 10 })).toEqual([]);
  });
}
