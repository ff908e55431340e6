import { expect } from 'vitest';
import type { WorldTest } from './theme.js';
import { HASH } from './world.js';

export function settingUp(test: WorldTest): void {
  test('migrating again, and from several processes at once, changes nothing', async ({ world }) => {
    const run = await world.begin();
    const third = await world.open();
    await Promise.all([world.store.migrate(), world.other.migrate(), third.migrate()]);
    await world.store.migrate();
    expect(await world.states(run)).toEqual({ '/0': 'ready' });
  });

  test('a store that can be reached answers a ping', async ({ world }) => {
    await expect(world.store.ping()).resolves.toBeUndefined();
  });

  test('queues are made where missing and come back in the order asked for', async ({ world }) => {
    const base = { workflow: 'checkout', hash: HASH, tags: [], priority: 3 } as const;
    const specs = [{ ...base, priority: 1 }, base, { ...base, tags: ['eu', 'gpu'] }] as const;
    const rows = await world.store.ensureQueues(specs);
    expect(rows.map(({ workflow, hash, tags, priority }) => ({ workflow, hash, tags, priority }))).toEqual(specs);
    expect(rows[1]).toEqual(world.queue);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(3);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(3);
    expect(await world.other.ensureQueues([...specs].reverse())).toEqual([...rows].reverse());
    expect((await world.other.queues()).map(({ key }) => key).sort()).toEqual(rows.map(({ key }) => key).sort());
  });

  test('a look tells by a sum of keys that there are other queues than before', async ({ world }) => {
    const worker = await world.worker();
    const looked = async () => (await worker.store.look(worker.key, { owed: [] })).queues;
    const listed = async () => (await world.store.queues()).reduce((sum, { key }) => sum + key, 0);
    const before = await looked();
    expect(before).toBe(await listed());
    await world.other.ensureQueues([{ workflow: 'announced-to-nobody', hash: HASH, tags: [], priority: 3 }]);
    expect(await looked()).toBe(await listed());
    expect(await looked()).not.toBe(before);
  });

  test('processes that make the same queue at once get the same row', async ({ world }) => {
    const specs = [1, 2, 4, 5].map((priority) => ({
      workflow: 'raced',
      hash: HASH,
      tags: ['a'],
      priority: priority as 1 | 2 | 4 | 5,
    }));
    const [left, right] = await Promise.all([
      world.store.ensureQueues(specs),
      world.other.ensureQueues([...specs].reverse()),
    ]);
    expect(right).toEqual([...left].reverse());
  });

  test('the definition registered last is the newest of its name, and older ones are found by their hash', async ({
    world,
  }) => {
    const { store, other } = world;
    expect(await store.definition('checkout')).toBeUndefined();
    const first = { workflow: 'checkout', hash: HASH, structure: '{"v":1}' };
    const second = { workflow: 'checkout', hash: 'cd'.repeat(32), structure: '{"v":2}' };
    await store.putDefinition(first);
    await store.putDefinition(second);
    expect(await other.definition('checkout')).toEqual(second);
    expect(await other.definition('checkout', HASH)).toEqual(first);
    expect(await other.definition('checkout', 'ef'.repeat(32))).toBeUndefined();
    expect(await other.definition('refund')).toBeUndefined();
    // However fast one follows the other.
    for (const again of [first, second, first, second, first]) await other.putDefinition(again);
    expect(await store.definition('checkout')).toEqual(first);
  });

  test('a namespace sees nothing of another', async ({ world }) => {
    const beside = await world.open('beside');
    await world.store.putDefinition({ workflow: 'checkout', hash: HASH, structure: '{}' });
    const request = world.request({ activations: [world.delayed('/0', 0)] });
    await world.store.start([request]);
    expect(await beside.queues()).toEqual([]);
    expect(await beside.definition('checkout')).toBeUndefined();
    expect(await beside.findRun(request.id)).toBeUndefined();
    expect(await beside.listRuns({ limit: 10 })).toEqual([]);
    await world.advance(1_000);
    const worker = await world.worker({ store: beside });
    expect(await beside.fireTimers(worker.key, 10)).toEqual({ ready: [], nextDueAt: undefined });
    const [again] = await beside.start([world.request({ id: request.id })]);
    expect(again?.kind).toBe('started');
  });
}
