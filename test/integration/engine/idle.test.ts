/** What nobody uses costs next to nothing: a process's heartbeats and looks, and runs that wait for signals. */
import { connect } from 'batonmq';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { parked } from '../../fixtures/workflows.mjs';
import { createDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { PostgresServer } from '../../support/postgres-server.js';
import { type Services, startWorker, type WorkerProcess } from '../../support/workers.js';

// Heartbeats and the look for new queues come every 10 s: a window has a few of them, or at least one.
const WINDOW_MS = process.env.BATON_LONG ? 60_000 : 11_000;
const PARKED = process.env.BATON_LONG ? [0, 20_000] : [20_000];
const LIMIT = 2;

/** Vacuums nothing by itself: its own transactions would be counted as the worker's. */
let server: PostgresServer;
let services: Services;
let worker: WorkerProcess;
/** In another database, so that looking isn't counted. */
let observer: pg.Pool;

beforeAll(async () => {
  server = await PostgresServer.create({ autovacuum: 'off' });
  await server.start();
  const { url } = await createDatabase({ server: server.url() });
  services = { postgres: url, rabbitmq: inject('amqpUrl'), namespace: uniqueName('idle') };
  observer = new pg.Pool({ connectionString: server.url(), max: 1 });
  worker = await startWorker('workflows.mjs', services);
}, 60_000);

afterAll(async () => {
  await worker.end('SIGTERM');
  await observer.end();
  await deleteQueues(services.rabbitmq, services.namespace, services.postgres);
  await server.close();
});

test.each(PARKED)(
  `with %i parked runs an idle worker makes fewer than ${LIMIT} transactions per second`,
  async (parkedRuns) => {
    await park(parkedRuns);
    const perSecond = await transactionsPerSecond();
    console.log(`with ${parkedRuns} parked runs: ${perSecond.toFixed(2)} transactions per second`);
    expect(perSecond).toBeGreaterThan(0.5);
    expect(perSecond).toBeLessThan(LIMIT);
  },
  WINDOW_MS * 2 + 90_000,
);

/** Starts the runs and waits until all of them wait for their signal. Nothing of it stays connected. */
async function park(runs: number): Promise<void> {
  const baton = await connect(services);
  const client = new pg.Client({ connectionString: services.postgres });
  await client.connect();
  try {
    for (let i = 0; i < runs; i += 2_000) await baton.startMany(parked, new Array(2_000).fill(i));
    const waits = async () => (await client.query('select from baton.waits')).rowCount;
    await eventually(async () => (await waits()) === runs, {
      what: 'all runs are parked',
      timeoutMs: 60_000,
      intervalMs: 500,
    });
    // What an unattended server would have done by now: the looks are planned on what is true.
    await client.query('vacuum analyze');
  } finally {
    await client.end();
    await baton.close();
  }
}

/** Between two reports a window apart, by the server's clock: connections report about every second what they did. */
async function transactionsPerSecond(): Promise<number> {
  await eventually(settled, { what: 'everything before is reported', timeoutMs: 30_000, intervalMs: 500 });
  const before = await nextReport(await commits());
  let after = before;
  while (after.at - before.at < WINDOW_MS) after = await nextReport(after);
  return (after.count - before.count) / ((after.at - before.at) / 1_000);
}

/** Waits until more commits are counted than in `last`. */
async function nextReport(last: Commits): Promise<Commits> {
  let next = last;
  await eventually(
    async () => {
      next = await commits();
      return next.count > last.count;
    },
    { what: 'the worker is alive and commits something', intervalMs: 50 },
  );
  return next;
}

interface Commits {
  readonly count: number;
  readonly at: number;
}

async function commits(): Promise<Commits> {
  const { rows } = await observer.query<Commits>(
    `select xact_commit::float8 as count, extract(epoch from clock_timestamp())::float8 * 1000 as at
     from pg_stat_database where datname = $1`,
    [name()],
  );
  return rows[0] as Commits;
}

/** An idle connection reports what it did within 10 s: the start-up and the last commit must be older than that. */
async function settled(): Promise<boolean> {
  const { rows } = await observer.query<{ settled: boolean }>(
    `select max(backend_start) filter (where application_name = 'baton duty') < now() - interval '11 seconds'
       and not bool_or(application_name = 'baton commit' and state_change > now() - interval '11 seconds')
       as settled
     from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
    [name()],
  );
  return rows[0]?.settled ?? false;
}

function name(): string {
  return new URL(services.postgres).pathname.slice(1);
}
