/** Which task a saturated worker takes next: the smallest `priority − waited / agingInterval`, whatever it is called. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Baton, connect, type RunHandle } from 'batonmq';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plain, row, urgent } from '../../fixtures/priorities.mjs';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { startProgram, type WorkerProcess } from '../../support/workers.js';

const INTERVAL_MS = 1_000;
const MINIMAL = process.env.BATON_LONG ? 400 : 30;
/** Starts of critical runs go on for this long, faster than the worker is. */
const SATURATED_MS = process.env.BATON_LONG ? 20_000 : 6_000;
const EVERY_MS = 30;
/** One delivery in hand of each queue, beside the one at work. */
const PREFETCH = 2;
/** What became ready at nearly the same time may be published in another order. */
const SAME_TIME_MS = 100;

const services = ownServices('priorities');
let ledger: Ledger;
let baton: Baton;
let pool: pg.Pool;
let worker: WorkerProcess;

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
  pool = new pg.Pool({ connectionString: services.postgres, max: 1 });
  worker = await startProgram('ageing-worker.mjs', services);
});

afterAll(async () => {
  await worker.end('SIGTERM');
  await baton.close();
  await pool.end();
  await ledger.close();
});

test('critical runs overtake minimal ones, which age and are never starved: the order is that of the formula', async () => {
  const minimal = await baton.startMany(plain, Array(MINIMAL).fill(5), { priority: 5 });
  const critical = await feedCritical();
  await Promise.all([...minimal, ...critical].map((run) => run.result({ timeout: '60s' })));

  const order = await executed();
  expect(order).toHaveLength(MINIMAL + critical.length);
  const lastCritical = order.findLastIndex(({ priority }) => priority === 1);
  const before = order.slice(0, lastCritical).filter(({ priority }) => priority === 5).length;
  console.log(
    `${critical.length} critical, ${MINIMAL} minimal runs; ${before} minimal ones began before the last critical one`,
  );
  // Most of the first second's work is critical although all minimal runs were there before.
  const early = order.slice(PREFETCH, PREFETCH + 20);
  expect(early.filter(({ priority }) => priority === 1).length).toBeGreaterThanOrEqual(15);
  expect(before).toBeGreaterThan(PREFETCH);
  for (const [i, one] of order.entries()) {
    const passedOver = order.slice(i + 1).filter((other) => moreUrgent(other, one));
    expect(
      passedOver.length,
      `${one.run}, begun as number ${i}, before ${passedOver.map(({ run }) => run)}`,
    ).toBeLessThanOrEqual(PREFETCH);
  }
}, 150_000);

test("a task's own priority goes before its run's", async () => {
  const runs = await baton.startMany(plain, Array(30).fill(3), { priority: 3 });
  const late = await baton.start(urgent, 1, { priority: 5 });
  await Promise.all([...runs, late].map((run) => run.result({ timeout: '30s' })));
  const order = (await ledger.entries())
    .map(({ run }) => run)
    .filter((id) => id === late.id || runs.some((run) => run.id === id));
  expect(order.indexOf(late.id)).toBeLessThan(10);
}, 60_000);

test('a row of steps in one slot makes way for a run that is more urgent by a whole level', async () => {
  const rows = await baton.startMany(row, Array(10).fill(4), { priority: 4 });
  await sleep(60);
  const late = await baton.start(plain, 1, { priority: 1 });
  await Promise.all([...rows, late].map((run) => run.result({ timeout: '30s' })));
  const entries = await ledger.entries();
  const [mine] = entries.filter(({ run }) => run === late.id);
  const since = (await createdAt(late.id)).getTime();
  const between = entries.filter(
    ({ run, startedAt: at }) =>
      rows.some(({ id }) => id === run) && at.getTime() > since + SAME_TIME_MS && at < (mine?.startedAt ?? 0),
  );
  expect(between.length).toBeLessThanOrEqual(1);
}, 60_000);

async function feedCritical(): Promise<RunHandle<unknown>[]> {
  const until = performance.now() + SATURATED_MS;
  const runs: Promise<RunHandle<unknown>>[] = [];
  while (performance.now() < until) {
    runs.push(baton.start(plain, 1, { priority: 1 }));
    await sleep(EVERY_MS);
  }
  return Promise.all(runs);
}

interface Executed {
  readonly run: string;
  readonly priority: number;
  readonly readyAt: number;
  readonly startedAt: number;
}

/** In the order in which they began. */
async function executed(): Promise<Executed[]> {
  const { rows } = await pool.query<Executed>(
    `select r.id as run, r.priority, extract(epoch from a.ready_at)::float8 * 1000 as "readyAt",
       extract(epoch from a.started_at)::float8 * 1000 as "startedAt"
     from baton.runs r join baton.activations a on a.run_key = r.key where r.workflow = 'plain' order by a.started_at`,
  );
  return rows;
}

/** Ready when the other began, and ahead of it: everybody ages alike, so who is ahead stays ahead. */
function moreUrgent(other: Executed, one: Executed): boolean {
  const key = ({ priority, readyAt }: Executed) => priority * INTERVAL_MS + readyAt;
  return other.readyAt + SAME_TIME_MS < one.startedAt && key(other) + SAME_TIME_MS < key(one);
}

async function createdAt(run: string): Promise<Date> {
  const { rows } = await pool.query<{ at: Date }>('select created_at as at from baton.runs where id = $1', [run]);
  return (rows[0] as { at: Date }).at;
}
