import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { witness } from '../../fixtures/workflows.mjs';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { deleteQueues, uniqueName } from '../../support/names.js';
import { type Services, startProgram, startWorker, type WorkerProcess } from '../../support/workers.js';

let database: TestDatabase;
let services: Services;
let ledger: Ledger;
let baton: Baton;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  database = await createDatabase();
  services = { postgres: database.url, rabbitmq: inject('amqpUrl'), namespace: uniqueName('frozen') };
  ledger = await createLedger(database.url);
  baton = await connect(services);
});

afterAll(async () => {
  for (const worker of workers) await worker.end('SIGTERM');
  await baton.close();
  await ledger.close();
  await deleteQueues(services.rabbitmq, services.namespace, services.postgres);
  await database.drop();
});

test('a worker that its own task held up past its lease comes back too late: its result is discarded', async () => {
  const heldUp = await startProgram('short-lease-worker.mjs', services, { BLOCK_MS: '8000' });
  workers.push(heldUp);
  const run = await baton.start(witness, 0);
  const pids = async () => (await ledger.entries({ run: run.id })).map((entry) => entry.pid);
  await eventually(async () => expect(await pids()).toEqual([heldUp.pid]), { what: 'the first worker is at it' });
  const other = await startWorker('workflows.mjs', services);
  workers.push(other);
  await eventually(async () => expect(await pids()).toEqual([heldUp.pid, other.pid]), {
    what: 'the lease ran out, and the second worker is at it too',
    timeoutMs: 15_000,
  });
  // The first one wakes with its result at hand while the second is still at work.
  expect(await run.result({ timeout: '20s' })).toBe(other.pid);
  expect(await pids()).toHaveLength(2);
  // Under a new session it is as good as any other.
  await eventually(() => expect(heldUp.output()).toContain('new session'), { what: 'the first worker goes on' });
}, 40_000);
