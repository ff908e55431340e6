/** What a worker's engine does when its session is taken from it, or the broker refuses a part of its work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import type { Duration } from '../../../src/core/duration.js';
import { ConnectionError } from '../../../src/core/errors.js';
import { flow, type Workflow } from '../../../src/core/flow.js';
import { Engine } from '../../../src/runtime/engine.js';
import { limits } from '../../../src/runtime/limits.js';
import { Worker } from '../../../src/runtime/worker.js';
import { MemoryState } from '../../../src/store/memory/state.js';
import { MemoryStore } from '../../../src/store/memory/store.js';
import { SessionDeadError, type Store } from '../../../src/store/store.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { eventually } from '../../support/eventually.js';
import { silent } from '../../support/silent.js';

let close = async () => {};
afterEach(() => close());

const plusOne = flow<number>('plus-one')
  .then('add', (n) => n + 1)
  .build();

/** A process in memory whose store does these verbs otherwise, and a worker for it that isn't started yet. */
function prepare(
  workflow: Workflow,
  verbs: (store: MemoryStore) => Partial<Store> = () => ({}),
  { leaseTtl = 300 as Duration } = {},
) {
  const store = new MemoryStore(new MemoryState(), { namespace: 'default' });
  const broker = new InProcessBroker();
  const transport = new InProcessTransport(broker, 'default');
  const own = { namespace: 'default', codec: jsonCodec, logger: silent, transport };
  const connection = new Connection({ ...own, store: Object.assign(store, verbs(store)) });
  const baton = new Baton(connection);
  const events: string[] = [];
  const worker = new Worker({ workflows: [workflow], leaseTtl }, connection, (options) => {
    const engine = new Engine(options);
    engine.on('infrastructure.ok', () => events.push('infrastructure.ok'));
    return engine;
  });
  close = async () => {
    await worker.stop({ timeout: 0 });
    await baton.close();
  };
  return { baton, broker, transport, worker, events };
}

test('a worker whose dead session cannot even be closed takes another, and works on', async () => {
  let first: string | undefined;
  let sessions = 0;
  const { baton, worker } = prepare(plusOne, (store) => {
    const { openSession, heartbeat } = store;
    return {
      async openSession(options) {
        sessions++;
        const session = await openSession(options);
        first ??= session.key;
        if (session.key !== first) return session;
        return { ...session, close: () => Promise.reject(new ConnectionError('Postgres', 'away')) };
      },
      heartbeat: (session, beat) =>
        session === first ? Promise.reject(new SessionDeadError(session)) : heartbeat(session, beat),
    };
  });
  await worker.start();
  await eventually(() => expect(sessions).toBe(2), { what: 'another session', timeoutMs: 3_000 });
  expect(await (await baton.start(plusOne, 1)).result({ timeout: 3_000 })).toBe(2);
});

test('what a dead session is told late costs the session after it nothing', async () => {
  let first: string | undefined;
  let sessions = 0;
  let refuse = () => {};
  const { baton, worker } = prepare(plusOne, (store) => {
    const { openSession, heartbeat, commit } = store;
    return {
      async openSession(options) {
        sessions++;
        const session = await openSession(options);
        first ??= session.key;
        return session;
      },
      heartbeat: (session, beat) =>
        session === first && refuse !== idle ? Promise.reject(new SessionDeadError(session)) : heartbeat(session, beat),
      commit(session, completions, options) {
        if (session !== first) return commit(session, completions, options);
        return new Promise((_, reject) => {
          refuse = () => reject(new SessionDeadError(session));
        });
      },
    };
  });
  const idle = refuse;
  await worker.start();
  await baton.start(plusOne, 1);
  await eventually(() => expect(sessions).toBe(2), { what: 'another session' });
  refuse();
  expect(await (await baton.start(plusOne, 1)).result({ timeout: 3_000 })).toBe(2);
  expect(sessions).toBe(2);
});

test('a lease that the store granted and never answered is found as soon as the store is back', async () => {
  let away = false;
  const gone = () => Promise.reject(new ConnectionError('Postgres', 'away'));
  const { baton, worker } = prepare(
    plusOne,
    (store) => {
      const { lease, look } = store;
      return {
        async lease(session, requests) {
          const results = await lease(session, requests);
          away ||= worker.detail === 'running.ready' && !returned;
          return away ? gone() : results;
        },
        look: (session, request) => (away ? gone() : look(session, request)),
      };
    },
    { leaseTtl: '30s' },
  );
  let returned = false;
  await worker.start();
  const run = await baton.start(plusOne, 1);
  await worker.waitFor('running.recovering');
  [away, returned] = [false, true];
  expect(await run.result({ timeout: 4_000 })).toBe(2);
});

test('a message from before its task became a suspect brings it past no other suspect', async () => {
  let atWork = 0;
  let most = 0;
  const slow = flow<number>('slow')
    .then('work', async (n) => {
      most = Math.max(most, ++atWork);
      await sleep(20);
      atWork--;
      return n;
    })
    .build();
  // The first messages say nothing of the two workers that each of these tasks has lost since they were sent.
  const { baton, worker } = prepare(slow, (store) => {
    const { lease, handBack } = store;
    return {
      lease: async (session, requests) =>
        (await lease(session, requests)).map((result) =>
          result.kind === 'leased' ? { ...result, activation: { ...result.activation, losses: 2 } } : result,
        ),
      handBack: async (session, leases) => (await handBack(session, leases)).map((ready) => ({ ...ready, losses: 2 })),
    };
  });
  const runs = await baton.startMany(slow, [1, 2, 3, 4, 5]);
  await worker.start();
  expect(await Promise.all(runs.map((run) => run.result({ timeout: 5_000 })))).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(1);
});

test('a broker that is back is good news to whoever waits for it', async () => {
  const { broker, worker, events } = prepare(plusOne);
  await worker.start();
  broker.setDown(true);
  broker.setDown(false);
  expect(events).toEqual(['infrastructure.ok']);
});

test('what could not be published while the broker was away is published when it is back, long before it counts as lost', async () => {
  const { broker, baton, worker } = prepare(plusOne);
  await worker.start();
  broker.setDown(true);
  const run = await baton.start(plusOne, 1);
  broker.setDown(false);
  await eventually(async () => expect(await run.status()).toEqual({ status: 'completed', output: 2 }), {
    timeoutMs: limits.watermarkLagMs / 2,
  });
});

test('a queue that the broker refuses keeps a worker from no other', async () => {
  const { baton, transport, worker } = prepare(plusOne);
  const lost = await baton.start(plusOne, 1, { priority: 1 });
  const run = await baton.start(plusOne, 1);
  const consume = transport.consume.bind(transport);
  transport.consume = (queue, ...rest) =>
    queue.priority === 1 ? Promise.reject(new ConnectionError('RabbitMQ', 'no leader')) : consume(queue, ...rest);
  await worker.start();
  expect(await run.result({ timeout: 3_000 })).toBe(2);
  expect(await lost.status()).toEqual({ status: 'running' });
});
