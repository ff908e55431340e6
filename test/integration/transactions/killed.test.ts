/** A transactional task whose process is killed on the way, wherever that is. */
import { type Baton, connect } from 'batonmq';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pay } from '../../fixtures/transactional.mjs';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { silent } from '../../support/silent.js';
import { type Point, TaskProxy } from '../../support/task-proxy.js';
import { startWorker } from '../../support/workers.js';

const services = ownServices('transaction-kill');
let ledger: Ledger;
let baton: Baton;
let pool: pg.Pool;

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  pool = new pg.Pool({ connectionString: services.postgres, max: 2 });
  await pool.query('create table bookings (run text not null, amount int not null)');
  baton = await connect(services);
});
afterAll(async () => {
  await baton.close();
  await pool.end();
  await ledger.close();
});

/** One run on a worker that is killed at the point; resolves when it is gone, or, without a point, when the run is done. */
async function runUntil(id: string, point?: Point): Promise<number> {
  const proxy = await TaskProxy.open(new URL(services.postgres));
  const reached = new Promise<void>((resolve) => proxy.arm(point, () => resolve()));
  const worker = await startWorker('transactional.mjs', {
    ...services,
    postgres: proxy.url,
    ledger: services.postgres,
  });
  const run = await baton.start(pay, 7, { id });
  await (point === undefined ? run.result({ timeout: '20s' }) : reached);
  await worker.end('SIGKILL');
  await proxy.close();
  return proxy.sent;
}

/** Before and after everything that is sent; in short runs the record of the completion and the COMMIT, the last two. */
function pointsOf(steps: number): Point[] {
  const all = Array.from({ length: steps }, (_, i) => i + 1).flatMap((nth): Point[] => [
    { nth, when: 'before' },
    { nth, when: 'after' },
  ]);
  return process.env.BATON_LONG ? all : all.slice(-4);
}

async function expectOneBookingEach(ids: readonly string[]): Promise<void> {
  const { rows } = await pool.query<{ run: string; n: number }>(
    'select run, count(*)::int as n from bookings where run = any($1) group by run',
    [ids],
  );
  expect(new Map(rows.map(({ run, n }) => [run, n]))).toEqual(new Map(ids.map((run) => [run, 1])));
}

const executions = async (id: string) => (await ledger.entries({ run: id })).length;

test('killed with its process, its effect is there exactly once, and the run completes', async () => {
  const steps = await runUntil('unharmed');
  expect(steps).toBeGreaterThanOrEqual(8);
  const ids: string[] = [];
  for (const point of pointsOf(steps)) {
    const id = `killed-${point.when}-${point.nth}`;
    ids.push(id);
    await runUntil(id, point);
  }
  const survivor = await startWorker('transactional.mjs', services);
  try {
    for (const id of ids) expect(await baton.run(pay, id).result({ timeout: '20s' })).toEqual({ sum: 7 });
  } finally {
    await survivor.end('SIGTERM');
  }
  await expectOneBookingEach(['unharmed', ...ids]);
  // Both really happened: a task that had to run again, and one that was committed though nobody heard of it.
  expect(await executions(`killed-before-${steps}`)).toBe(2);
  expect(await executions(`killed-after-${steps}`)).toBe(1);
}, 180_000);

test('its connection lost instead, the same worker finds out what became of it, at the price of no attempt', async () => {
  process.env.LEDGER_URL = services.postgres;
  const proxy = await TaskProxy.open(new URL(services.postgres));
  const mine = await connect({ ...services, postgres: proxy.url, logger: silent });
  try {
    await mine.worker({ workflows: [pay] }).start();
    await (await mine.start(pay, 7, { id: 'warm' })).result({ timeout: '20s' });
    proxy.arm(undefined, () => {});
    await (await mine.start(pay, 7, { id: 'counted' })).result({ timeout: '20s' });
    const steps = proxy.sent;
    const ids: string[] = [];
    for (const point of pointsOf(steps)) {
      const id = `cut-${point.when}-${point.nth}`;
      ids.push(id);
      proxy.arm(point, (cut) => cut());
      const run = await mine.start(pay, 7, { id });
      expect(await run.result({ timeout: '20s' }), id).toEqual({ sum: 7 });
      expect((await run.describe()).nodes[0], id).toMatchObject({ state: 'completed', attempt: 1, losses: 0 });
    }
    await expectOneBookingEach(['warm', 'counted', ...ids]);
    expect(await executions(`cut-before-${steps}`)).toBe(2);
    expect(await executions(`cut-after-${steps}`)).toBe(1);
  } finally {
    await mine.close();
    await proxy.close();
  }
}, 60_000);
