import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trio } from '../../fixtures/workflows.mjs';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('fork');
let ledger: Ledger;
let baton: Baton;
let worker: WorkerProcess;

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
  worker = await startWorker('workflows.mjs', services, ['--concurrency', '3']);
});

afterAll(async () => {
  await worker.end('SIGTERM');
  await baton.close();
  await ledger.close();
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
