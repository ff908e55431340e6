import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cases, delays, left, nesting, right, twice } from '../../fixtures/nesting.mjs';
import { ownServices } from '../../support/own-services.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('nest');
let baton: Baton;
let workers: WorkerProcess[];

beforeAll(async () => {
  baton = await connect(services);
  workers = await Promise.all([startWorker('nesting.mjs', services), startWorker('nesting.mjs', services)]);
});

afterAll(async () => {
  for (const worker of workers) await worker.end('SIGTERM');
  await baton.close();
});

test('every kind of node works inside every kind that holds others', async () => {
  const run = await baton.start(nesting, 100);
  for (const { signals } of cases) for (const name of signals) await run.signal(name, 'payload');
  const output = (await run.result({ timeout: '20s' })) as unknown[];
  expect(Object.fromEntries(cases.map(({ name }, i) => [name, output[i]]))).toEqual(
    Object.fromEntries(cases.map(({ name, expected }) => [name, expected(100)])),
  );
});

test('delays first and last, one behind the other and behind a signal, pass their value on', async () => {
  const run = await baton.start(delays, 'ignored');
  await run.signal('word', 'so');
  expect(await run.result({ timeout: '20s' })).toBe('so!');
});

test('the same child flow can be used twice, each use with ids of its own', async () => {
  const run = await baton.start(twice, 'you');
  expect(await run.result({ timeout: '20s' })).toBe('hello hello you');
  expect(await run.taskResult('greet/say')).toBe('hello you');
  expect(await run.taskResult('greet#2/say')).toBe('hello hello you');
});

test('two workflows with equal task ids on one worker each run their own function', async () => {
  const runs = await Promise.all([baton.start(left, 1), baton.start(right, 1)]);
  expect(await Promise.all(runs.map((run) => run.result({ timeout: '20s' })))).toEqual(['left 1', 'right 1']);
  expect(left.hash).not.toBe(right.hash);
});
