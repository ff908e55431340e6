/** Runs that are started in a transaction of the caller's. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { ConfigError, RunCancelledError, RunExistsError } from '../../../src/core/errors.js';
import { flow, task } from '../../../src/core/flow.js';
import type { Worker } from '../../../src/runtime/worker.js';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';

const ROUNDS = 50;
const rabbitmq = inject('amqpUrl');
const namespace = uniqueName('start-in');
let database: TestDatabase;
let pool: pg.Pool;
let client: Baton;
const workers: Worker[] = [];
const batons: Baton[] = [];
let tx: pg.PoolClient;

/** Whose tasks began, in order, with how long after the commit. */
const began: { id: string; at: number }[] = [];
const hello = flow<string>('hello')
  .then(
    task('greet', (name: string, ctx) => {
      began.push({ id: ctx.runId, at: performance.now() });
      return `hello ${name}`;
    }),
  )
  .build();

beforeAll(async () => {
  database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 4 });
  client = await connect({ postgres: database.url, rabbitmq, namespace });
});
beforeEach(async () => {
  began.splice(0);
  tx = await pool.connect();
  await tx.query('begin');
});
afterEach(async () => {
  await tx.query('rollback');
  tx.release();
  for (const baton of batons.splice(0)) await baton.close();
  workers.splice(0);
});
afterAll(async () => {
  await client.close();
  await deleteQueues(rabbitmq, namespace, database.url);
  await pool.end();
  await database.drop();
});

/** A process of its own, as far as the services can see. */
async function worker(...workflows: Parameters<Baton['worker']>[0]['workflows']): Promise<Worker> {
  const baton = await connect({ postgres: database.url, rabbitmq, namespace });
  batons.push(baton);
  const made = baton.worker({ workflows: workflows.length === 0 ? [hello] : workflows });
  workers.push(made);
  await made.start();
  return made;
}

test('rolled back: nothing happened, and the id is free', async () => {
  await worker();
  const run = await client.start(hello, 'nobody', { id: 'undone', tx });
  await tx.query('rollback');
  await expect(run.status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  await expect(client.run('undone').status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  const again = await client.start(hello, 'you', { id: 'undone' });
  expect(await again.result({ timeout: '5s' })).toBe('hello you');
  expect(began.map(({ id }) => id)).toEqual(['undone']);
});

test('before the commit nobody sees it; after it, one of several workers has it within 50 ms', async () => {
  await Promise.all([worker(), worker(), worker()]);
  const lateness: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const id = `prompt-${round}`;
    await tx.query('begin');
    const run = await client.start(hello, 'you', { id, tx });
    if (round === 0) await expect(client.run(id).status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await tx.query('commit');
    const committed = performance.now();
    expect(await run.result({ timeout: '5s' })).toBe('hello you');
    const at = began.find((one) => one.id === id)?.at ?? Number.POSITIVE_INFINITY;
    lateness.push(at - committed);
  }
  expect(began).toHaveLength(ROUNDS);
  const sorted = lateness.sort((a, b) => a - b);
  console.log(
    `began after the commit: median ${sorted[ROUNDS / 2]?.toFixed(1)} ms, worst ${sorted.at(-1)?.toFixed(1)} ms`,
  );
  expect(sorted[ROUNDS / 2]).toBeLessThan(50);
}, 60_000);

test('each of many runs of one transaction is published once and runs once', async () => {
  await Promise.all([worker(), worker()]);
  const inputs = Array.from({ length: 1_200 }, (_, i) => `n${i}`);
  const handles = await client.startMany(hello, inputs, { id: (name) => `many-${name}`, tx });
  await tx.query('commit');
  const outputs = await Promise.all(handles.map((run) => run.result({ timeout: '30s' })));
  expect(outputs).toEqual(inputs.map((name) => `hello ${name}`));
  expect(began).toHaveLength(inputs.length);
}, 60_000);

test('what is committed while no worker is there is found by the first that comes', async () => {
  const run = await client.start(hello, 'you', { tx });
  await tx.query('commit');
  await worker();
  expect(await run.result({ timeout: '5s' })).toBe('hello you');
});

test('a delay that it begins with is kept on time', async () => {
  const nap = flow<string>('nap')
    .delay('nap', '300ms')
    .then('wake', (name: string) => name)
    .build();
  await worker(nap);
  const run = await client.start(nap, 'you', { tx });
  await tx.query('commit');
  const committed = performance.now();
  expect(await run.result({ timeout: '5s' })).toBe('you');
  expect(performance.now() - committed).toBeLessThan(600);
});

test('fail refuses a taken id without spoiling the transaction', async () => {
  await client.start(hello, 'first', { id: 'taken' });
  await expect(client.start(hello, 'second', { id: 'taken', tx })).rejects.toBeInstanceOf(RunExistsError);
  await client.start(hello, 'third', { id: 'free', tx });
  await tx.query('commit');
  expect((await client.run('free').describe()).status.status).toBe('running');
});

test('use_existing gives the run that has the id, also one of the same transaction', async () => {
  const first = await client.start(hello, 'one', { id: 'shared', tx });
  const second = await client.start(hello, 'two', { id: 'shared', conflict: 'use_existing', tx });
  await tx.query('commit');
  await worker();
  expect(await second.result({ timeout: '5s' })).toBe('hello one');
  expect(await first.result({ timeout: '5s' })).toBe('hello one');
});

test('terminate_existing ends the old run with the commit, and tells its task at work', async () => {
  const told: unknown[] = [];
  let started = () => {};
  const under = new Promise<void>((resolve) => {
    started = resolve;
  });
  const long = flow<string>('long')
    .then(
      task('waits', async (name: string, { signal }) => {
        if (name === 'new') return name;
        started();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        told.push(signal.reason);
        return name;
      }),
    )
    .build();
  await worker(long);
  const old = await client.start(long, 'old', { id: 'long' });
  await under;
  const replaced = await client.start(long, 'new', { id: 'long', conflict: 'terminate_existing', tx });
  expect((await old.status()).status).toBe('running');
  expect(told).toEqual([]);
  await tx.query('commit');
  await expect.poll(() => told, { timeout: 250 }).toHaveLength(1);
  expect(told[0]).toBeInstanceOf(RunCancelledError);
  expect(await replaced.result({ timeout: '5s' })).toBe('new');
  await expect(old.result({ timeout: '10s' })).rejects.toBeInstanceOf(RunCancelledError);
});

test('of two open transactions that start one id, the second waits for the first and obeys its end', async () => {
  const other = await pool.connect();
  try {
    await other.query('begin');
    await client.start(hello, 'first', { id: 'contested', tx });
    const second = client.start(hello, 'second', { id: 'contested', tx: other });
    const third = second.then(
      () => 'started',
      (error: Error) => error,
    );
    await tx.query('commit');
    expect(await third).toBeInstanceOf(RunExistsError);
  } finally {
    await other.query('rollback');
    other.release();
  }
});

test('a pool is no transaction, nor is anything without a query', async () => {
  await expect(client.start(hello, 'x', { tx: pool as never })).rejects.toThrow(/not a pool/);
  await expect(client.start(hello, 'x', { tx: {} as never })).rejects.toBeInstanceOf(ConfigError);
});
