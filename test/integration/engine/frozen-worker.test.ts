import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { witness } from '../../fixtures/workflows.mjs';
import { eventually } from '../../support/eventually.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { startProgram, startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('frozen');
let ledger: Ledger;
let baton: Baton;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
});

afterAll(async () => {
  for (const worker of workers) await worker.end('SIGTERM');
  await baton.close();
  await ledger.close();
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
