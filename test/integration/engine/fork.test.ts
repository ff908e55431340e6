import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { trio } from '../../fixtures/workflows.mjs';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { deleteQueues, uniqueName } from '../../support/names.js';
import { type Services, startWorker, type WorkerProcess } from '../../support/workers.js';

let database: TestDatabase;
let services: Services;
let ledger: Ledger;
let baton: Baton;
let worker: WorkerProcess;

beforeAll(async () => {
  database = await createDatabase();
  services = { postgres: database.url, rabbitmq: inject('amqpUrl'), namespace: uniqueName('fork') };
  ledger = await createLedger(database.url);
  baton = await connect(services);
  worker = await startWorker('workflows.mjs', services, ['--concurrency', '3']);
});

afterAll(async () => {
  await worker.end('SIGTERM');
  await baton.close();
  await ledger.close();
  await deleteQueues(services.rabbitmq, services.namespace, services.postgres);
  await database.drop();
});

test("every branch gets the fork's input, and the join the results as a tuple in order", async () => {
  const run = await baton.start(trio, 7);
  expect(await run.result({ timeout: '20s' })).toEqual(['x7', 14, { n: 7 }]);
});

test('three branches of 400 ms run side by side in one worker: under 700 ms from the first start to the last end', async () => {
  const run = await baton.start(trio, 1);
  await run.result({ timeout: '20s' });
  const branches = (await ledger.entries({ run: run.id })).filter((entry) => entry.task !== 'before');
  expect(branches).toHaveLength(3);
  const from = Math.min(...branches.map((entry) => entry.startedAt.getTime()));
  const to = Math.max(...branches.map((entry) => entry.finishedAt?.getTime() ?? Number.POSITIVE_INFINITY));
  expect(to - from).toBeLessThan(700);
});
