/** Postgres goes away and comes back under two live workers: nobody is taken for dead, and no lease changes hands. */
import { type Baton, connect } from 'batonmq';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { slow } from '../../fixtures/workflows.mjs';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { byActivation, createLedger, type Ledger } from '../../support/ledger.js';
import { feed } from '../../support/load.js';
import { PostgresServer } from '../../support/postgres-server.js';
import { type Services, startWorker, type WorkerProcess } from '../../support/workers.js';

const LOAD = { runs: 40, atOnce: 4, everyMs: 100 };
const TASKS_PER_RUN = 6;
const RECOVERY_MS = 10_000;

const silent = pino({ level: 'silent' });

let server: PostgresServer;
/** The ledger is kept by another server: one that stays up. */
let elsewhere: TestDatabase;
let ledger: Ledger;
let database: TestDatabase;
let services: Services;
let baton: Baton;
let workers: WorkerProcess[];

beforeAll(async () => {
  server = await PostgresServer.create();
  await server.start();
  elsewhere = await createDatabase({ migrated: false });
}, 60_000);

beforeEach(async () => {
  ledger = await createLedger(elsewhere.url);
  database = await createDatabase({ server: server.url() });
  const connection = { postgres: database.url, rabbitmq: inject('amqpUrl'), namespace: uniqueName('restart') };
  services = { ...connection, ledger: elsewhere.url };
  baton = await connect({ ...connection, logger: silent });
  workers = await Promise.all([0, 1].map(() => startWorker('workflows.mjs', services, ['--concurrency', '50'])));
}, 60_000);

afterEach(async () => {
  const codes = await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await baton.close();
  await ledger.close();
  await deleteQueues(services.rabbitmq, services.namespace, services.postgres);
  expect(codes).toEqual([0, 0]);
});

afterAll(async () => {
  await server.close();
  await elsewhere.drop();
});

test.each([
  ['in good order', 'fast'],
  ['after a crash', 'immediate'],
] as const)(
  'Postgres restarted %s robs nobody: every task runs once, and every run completes',
  async (_, mode) => {
    const handles = await feed(baton, slow, LOAD);
    const mine = async () => {
      const ids = new Set(handles.map(({ id }) => id));
      return (await ledger.entries()).filter(({ run }) => ids.has(run));
    };
    await eventually(
      async () => {
        const busy = (await mine()).filter(({ finishedAt }) => finishedAt === null);
        expect(new Set(busy.map(({ pid }) => pid))).toEqual(new Set(workers.map(({ pid }) => pid)));
        expect(busy.length).toBeGreaterThan(LOAD.runs / 2);
      },
      { what: 'both workers are at it', intervalMs: 10 },
    );
    await server.restart(mode);
    const endedAt = await ledger.now();

    const outputs = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })));
    expect(outputs).toEqual(Array.from({ length: LOAD.runs }, (_, i) => 9 * i + 12));
    const activations = byActivation(await mine());
    expect(activations.size).toBe(LOAD.runs * TASKS_PER_RUN);
    expect([...activations.values()].filter((executions) => executions.length !== 1)).toEqual([]);
    const runs = await Promise.all(handles.map((handle) => handle.describe()));
    expect(runs.flatMap(({ nodes }) => nodes).filter(({ losses, attempt }) => losses > 0 || attempt > 1)).toEqual([]);
    const lastMs = Math.max(...runs.map(({ finishedAt }) => Number(finishedAt))) - endedAt.getTime();
    console.log(`the slowest run ended ${(lastMs / 1_000).toFixed(1)} s after Postgres was back`);
    expect(lastMs).toBeGreaterThan(0);
    expect(lastMs).toBeLessThan(RECOVERY_MS);
    for (const worker of workers) {
      expect(worker.output()).not.toContain('taken for dead');
      expect(worker.output()).toContain('trouble with Postgres');
      // What is said of it is for people: without the insides of the driver, and thus without secrets.
      expect(worker.output()).not.toContain('connectionParameters');
    }
  },
  120_000,
);
