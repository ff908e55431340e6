import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bystander, witness } from '../../fixtures/workflows.mjs';
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

test('a worker that its own task held up past its lease comes back too late: it says so, and all results are discarded', async () => {
  const heldUp = await startProgram('short-lease-worker.mjs', services, { BLOCK_MS: '8000' });
  workers.push(heldUp);
  const pidsOf = async (run: string) => (await ledger.entries({ run })).map((entry) => entry.pid);
  const beside = await baton.start(bystander, 0);
  await eventually(async () => expect(await pidsOf(beside.id)).toEqual([heldUp.pid]), { what: 'one task is at work' });
  const run = await baton.start(witness, 0, { id: 'held-up' });
  await eventually(async () => expect(await pidsOf(run.id)).toEqual([heldUp.pid]), { what: 'the worker is held up' });
  const other = await startWorker('workflows.mjs', services);
  workers.push(other);
  await eventually(async () => expect(await pidsOf(run.id)).toEqual([heldUp.pid, other.pid]), {
    what: 'the lease ran out, and the second worker is at it too',
    timeoutMs: 15_000,
  });
  // The first one wakes with its result at hand while the second is still at work.
  expect(await run.result({ timeout: '20s' })).toBe(other.pid);
  expect(await pidsOf(run.id)).toHaveLength(2);
  // What ran beside it was robbed through no fault of its own, and is told.
  expect(await beside.result({ timeout: '20s' })).toBe(other.pid);
  expect(await pidsOf(beside.id)).toEqual([heldUp.pid, other.pid]);
  await eventually(() => expect(heldUp.output()).toContain('bystander told LEASE_LOST'), { what: 'it is told' });
  // Under a new session it is as good as any other.
  await eventually(() => expect(heldUp.output()).toContain('new session'), { what: 'the first worker goes on' });
  const [, standstill] =
    /^(.*nothing moved in this process for \d\.?\d* s, longer than its leases \(2 s\).*)$/m.exec(heldUp.output()) ?? [];
  expect(standstill).toContain('"taskId":"work"');
  expect(standstill).toContain('"runId":"held-up"');
}, 40_000);
