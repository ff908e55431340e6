/** What a task says of its progress is there for its next attempt, whatever ended the one before. */
import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failing, slow, stuck } from '../../fixtures/long-tasks.mjs';
import { eventually } from '../../support/eventually.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { startProgram, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('progress');
let ledger: Ledger;
let baton: Baton;
let first: WorkerProcess;
let second: WorkerProcess | undefined;

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
  first = await startProgram('heartbeat-worker.mjs', services);
});

afterAll(async () => {
  await first.end('SIGTERM');
  await second?.end('SIGTERM');
  await baton.close();
  await ledger.close();
});

test('after a failure: the last that was said, without waiting for a heartbeat', async () => {
  const run = await baton.start(failing, 0);
  expect(await run.result({ timeout: '10s' })).toEqual({ done: 40 });
});

test('after a timeout', async () => {
  const run = await baton.start(slow, 0);
  expect(await run.result({ timeout: '10s' })).toEqual({ done: 70 });
  expect((await ledger.entries({ run: run.id })).map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test('after a crash: the last that a heartbeat stored, for the same attempt in another process', async () => {
  const run = await baton.start(stuck, 0);
  const progress = async () => (await run.describe()).nodes[0]?.progress;
  await eventually(async () => expect(await progress()).toEqual({ done: 90, by: first.pid }), {
    what: 'a heartbeat stores it',
  });
  second = await startProgram('heartbeat-worker.mjs', services);
  await first.end('SIGKILL');
  expect(await run.result({ timeout: '20s' })).toEqual({ done: 90, by: first.pid });
  const entries = await ledger.entries({ run: run.id });
  expect(entries.map(({ pid, attempt }) => [pid, attempt])).toEqual([
    [first.pid, 1],
    [second.pid, 1],
  ]);
}, 40_000);
