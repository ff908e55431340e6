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
  for (const worker of workers) {
    process.kill(worker.pid, 'SIGCONT');
    await worker.end('SIGTERM');
  }
  await baton.close();
  await ledger.close();
  await deleteQueues(services.rabbitmq, services.namespace, services.postgres);
  await database.drop();
});

test("a worker that was frozen past its lease can't change what the others do with its tasks", async () => {
  const frozen = await startProgram('short-lease-worker.mjs', services);
  workers.push(frozen);
  const handles = await baton.startMany(witness, [1, 2, 3, 4, 5]);
  const startedBy = async (pid: number) => (await ledger.entries()).filter((entry) => entry.pid === pid).length;
  await eventually(async () => expect(await startedBy(frozen.pid)).toBe(5), {
    what: 'the first worker has every task',
  });
  process.kill(frozen.pid, 'SIGSTOP');
  const other = await startWorker('workflows.mjs', services);
  workers.push(other);
  await eventually(async () => expect(await startedBy(other.pid)).toBe(5), {
    what: 'the second has them all',
    timeoutMs: 15_000,
  });
  // It wakes with its own results at hand, while the other is still at work.
  process.kill(frozen.pid, 'SIGCONT');
  await eventually(
    async () => {
      const finished = (await ledger.entries()).filter(
        (entry) => entry.pid === frozen.pid && entry.finishedAt !== null,
      );
      expect(finished).toHaveLength(5);
    },
    { what: 'the first worker came to its results, late' },
  );
  const outputs = await Promise.all(handles.map((handle) => handle.result({ timeout: '20s' })));
  expect(outputs).toEqual(Array(5).fill(other.pid));
  // Under a new session it is as good as any other.
  const again = await Promise.all(
    (await baton.startMany(witness, Array(15).fill(0))).map((handle) => handle.result({ timeout: '20s' })),
  );
  expect(new Set(again)).toEqual(new Set([frozen.pid, other.pid]));
});
