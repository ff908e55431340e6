import { type Baton, connect } from 'batonmq';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fan } from '../../fixtures/workflows.mjs';
import { eventually } from '../../support/eventually.js';
import { byActivation, createLedger, type Ledger } from '../../support/ledger.js';
import { feed } from '../../support/load.js';
import { ownServices } from '../../support/own-services.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const RUNS = process.env.BATON_LONG ? 1_000 : 200;

const services = ownServices('kill');
let ledger: Ledger;
let baton: Baton;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.end();
});

afterAll(async () => {
  await baton.close();
  await ledger.close();
});

test(`of ${RUNS} runs under load none is lost, doubled or robbed when one of two workers is killed`, async () => {
  const [victim, survivor] = await Promise.all([
    startWorker('workflows.mjs', services, ['--concurrency', '20']),
    startWorker('workflows.mjs', services, ['--concurrency', '100']),
  ]);
  workers.push(victim, survivor);
  // A worker judges nobody before its own connection to Postgres is 3 s old.
  const started = await ledger.now();
  await eventually(async () => expect((await ledger.now()).getTime() - started.getTime()).toBeGreaterThan(3_200), {
    what: 'the survivor may judge',
  });
  // A pace that leaves the survivor free slots.
  const feeding = feed(baton, fan, { runs: RUNS, atOnce: 10, everyMs: 150 });
  await eventually(async () => expect(await ledger.count()).toBeGreaterThan(RUNS * 2), {
    what: 'the load is under way',
    intervalMs: 5,
  });
  await victim.end('SIGKILL');
  const killedAt = await ledger.now();

  const handles = await feeding;
  const outputs = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })));
  // Each branch adds two to what the first step made of the input, and the last step one more: a step that
  // counted twice, or not at all, shows in the sum.
  expect(outputs).toEqual(Array.from({ length: RUNS }, (_, i) => 3 * (i + 3) + 1));

  const activations = byActivation(await ledger.entries());
  expect(activations.size).toBe(RUNS * 8);
  const repeated = [...activations.values()].filter((executions) => executions.length > 1);
  expect(repeated.length).toBeGreaterThan(0);
  for (const executions of repeated) {
    // Only what the dead worker had in hand ran again: once, elsewhere, within two seconds.
    expect(executions.map((entry) => entry.pid)).toEqual([victim.pid, survivor.pid]);
    const again = executions[1]?.startedAt.getTime() ?? Number.POSITIVE_INFINITY;
    expect(again - killedAt.getTime()).toBeLessThan(2_000);
  }
  const unfinished = [...activations.values()].filter((executions) =>
    executions.every((entry) => entry.finishedAt === null),
  );
  expect(unfinished).toEqual([]);
  const described = await Promise.all(handles.map((handle) => handle.describe()));
  for (const { nodes } of described) {
    expect(nodes.every((node) => node.state === 'completed' && node.losses <= 1)).toBe(true);
  }
}, 120_000);
