/** What deliveries really report is what `machines/delivery.ts` allows. */
import { afterEach, expect, test } from 'vitest';
import { type DeliveryPhase, nextPhases } from '../../../machines/delivery.js';
import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import { branch, flow, type Workflow } from '../../../src/core/flow.js';
import { Engine } from '../../../src/runtime/engine.js';
import { Worker } from '../../../src/runtime/worker.js';
import { MemoryState } from '../../../src/store/memory/state.js';
import { MemoryStore } from '../../../src/store/memory/store.js';
import { type Store, StoreRejectedError } from '../../../src/store/store.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { silent } from '../../support/silent.js';

let close = async () => {};
afterEach(() => close());

/** A worker in memory, and the phases of each delivery that it took, in the order in which they ended. */
async function watched(workflow: Workflow, verbs: (store: MemoryStore) => Partial<Store> = () => ({})) {
  const store = new MemoryStore(new MemoryState(), { namespace: 'default' });
  const transport = new InProcessTransport(new InProcessBroker(), 'default');
  const own = { namespace: 'default', codec: jsonCodec, logger: silent, transport };
  const connection = new Connection({ ...own, store: Object.assign(store, verbs(store)) });
  const baton = new Baton(connection);
  const ways: DeliveryPhase[][] = [];
  const open = new Map<object, DeliveryPhase[]>();
  const worker = new Worker({ workflows: [workflow] }, connection, (options) => {
    const engine = new Engine(options);
    engine.on('phase', (message, phase) => {
      const way = open.get(message) ?? [];
      open.set(message, way);
      way.push(phase);
      if (phase === 'settled') ways.push(way);
    });
    return engine;
  });
  close = async () => {
    await worker.stop({ timeout: 0 });
    await baton.close();
  };
  await worker.start();
  return { baton, ways, worker };
}

function expectLegal(ways: readonly DeliveryPhase[][]): void {
  for (const way of ways) {
    expect(way.at(-1)).toBe('settled');
    for (const [i, phase] of way.entries()) expect(nextPhases(way[i - 1]), way.join(' → ')).toContain(phase);
  }
}

const ROUND = ['leasing', 'executing', 'committing', 'publishing', 'acking'] as const;

test('a chain of tasks runs in one delivery, a round for each', async () => {
  const chain = flow<number>('chain')
    .then('a', (n) => n + 1)
    .then('b', (n) => n + 1)
    .then('c', (n) => n + 1)
    .build();
  const { baton, ways, worker } = await watched(chain);
  await (await baton.start(chain, 1)).result();
  await worker.stop();
  expect(ways).toEqual([[...ROUND, ...ROUND, ...ROUND, 'settled']]);
  expectLegal(ways);
});

test('branches, a join, a delay and a task that fails go ways that the machine allows', async () => {
  const wide = flow<number>('wide')
    .fork([
      branch(
        'left',
        flow<number>('l').then('l1', (n) => n + 1),
      ),
      branch(
        'right',
        flow<number>('r').then('r1', (n) => n * 2),
      ),
    ])
    .delay('rest', 10)
    .then('fails', () => {
      throw new Error('no');
    })
    .build();
  const { baton, ways, worker } = await watched(wide);
  await expect((await baton.start(wide, 1)).result()).rejects.toThrow('no');
  await worker.stop();
  expect(ways.length).toBeGreaterThan(2);
  expectLegal(ways);
});

test.each<[string, DeliveryPhase[], (store: MemoryStore) => Partial<Store>]>([
  [
    'leased by another',
    ['leasing', 'settled'],
    () => ({ lease: async (_, requests) => requests.map(() => ({ kind: 'taken' as const })) }),
  ],
  [
    'refused by the store at its lease',
    ['leasing', 'settled'],
    () => ({ lease: () => Promise.reject(new StoreRejectedError('refused')) }),
  ],
])('an activation that is %s settles at once', async (_, way, verbs) => {
  const one = flow<number>('one')
    .then('a', (n) => n)
    .build();
  const { baton, ways } = await watched(one, verbs);
  await baton.start(one, 1);
  await expect.poll(() => ways.length).toBeGreaterThan(0);
  expect(ways[0]).toEqual(way);
  expectLegal(ways);
});
