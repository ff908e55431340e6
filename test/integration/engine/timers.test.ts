/** What falls due, by the database's own clock: it never begins early, and not much later. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Baton, connect, flow } from 'batonmq';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backedOff, delayed, timedOut } from '../../fixtures/timers.mjs';
import { eventually } from '../../support/eventually.js';
import { feed } from '../../support/load.js';
import { ownServices } from '../../support/own-services.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const SECONDS = process.env.BATON_LONG ? 30 : 3;
/** Of each kind; three kinds make 200 a second. */
const RUNS = Math.ceil((200 / 3) * SECONDS);

const services = ownServices('timers');
let baton: Baton;
let pool: pg.Pool;
let worker: WorkerProcess;

beforeAll(async () => {
  baton = await connect(services);
  pool = new pg.Pool({ connectionString: services.postgres, max: 1 });
  worker = await startWorker('timers.mjs', services, ['--concurrency', '50']);
});

afterAll(async () => {
  await worker.end('SIGTERM');
  await baton.close();
  await pool.end();
});

test(`with 200 due a second, delays, back-offs and signal timeouts never begin early, and late by at most 100 ms (${process.env.BATON_LONG ? '99 of 100' : 'the median'})`, async () => {
  const watched = watchTimers();
  const pace = { runs: RUNS, atOnce: 4, everyMs: (4 * 1_000 * SECONDS) / RUNS };
  const fed = await Promise.all([delayed, timedOut, backedOff].map((workflow) => feed(baton, workflow, pace)));
  const handles = fed.flat();
  await Promise.all(handles.map((handle) => handle.result({ timeout: '30s' })));
  await watched.stop();

  const rows = await begun();
  expect(rows).toHaveLength(RUNS * 3);
  for (const kind of ['delayed', 'timed-out', 'backed-off']) {
    const late = rows.filter((row) => row.workflow === kind).map((row) => row.late);
    console.log(`${kind}: ${RUNS} due, late by ms: p50 ${at(late, 50)}, p99 ${at(late, 99)}, most ${at(late, 100)}`);
  }
  const late = rows.map((row) => row.late);
  expect(at(late, 0)).toBeGreaterThanOrEqual(0);
  // The time itself is right, too: two seconds from the start of the run.
  expect(Math.min(...rows.map((row) => row.waited))).toBeGreaterThanOrEqual(2_000);
  expect(at(late, process.env.BATON_LONG ? 99 : 50)).toBeLessThanOrEqual(100);
}, 120_000);

test.each(['1s', '10m'])(
  'attempts whose time is over, 200 at once, are told so in time under a lease of %s, and what they return is discarded',
  async (leaseTtl) => {
    // Beside a plain timer of the same length: what keeps this process from its timers keeps it from both.
    const late: number[] = [];
    let returned = 0;
    const outliving = flow<number>(`outliving-${leaseTtl}`)
      .then(
        'work',
        async (_, { signal }) => {
          const told = once(signal, 'abort').then(() => performance.now());
          await sleep(500);
          const over = performance.now();
          late.push((await told) - over);
          await sleep(500);
          returned++;
          return 'too late';
        },
        { timeout: '500ms' },
      )
      .build();
    const own = baton.worker({ workflows: [outliving], concurrency: 200, leaseTtl });
    await own.start();
    const runs = await baton.startMany(outliving, Array(200).fill(0));
    const errors = await Promise.all(runs.map((run) => run.result({ timeout: '30s' }).catch((error: Error) => error)));
    expect(errors.map((error) => ((error as Error).cause as Error).name)).toEqual(Array(200).fill('TaskTimeoutError'));
    await eventually(() => expect(returned).toBe(200), { what: 'all of them returned something' });
    console.log(`told late by ms: p50 ${at(late, 50)}, p99 ${at(late, 99)}, most ${at(late, 100)}`);
    expect(at(late, 100)).toBeLessThanOrEqual(100);
    expect(new Set(await Promise.all(runs.map(async (run) => (await run.status()).status)))).toEqual(
      new Set(['failed']),
    );
    await own.stop();
  },
  60_000,
);

/** Copies what is set, again and again, until stopped: a timer that has fired is gone. */
function watchTimers(): { stop(): Promise<void> } {
  let stopped = false;
  const watch = (async () => {
    await pool.query('create table due (run_key bigint, path text, due_at timestamptz, primary key (run_key, path))');
    while (!stopped) {
      await pool.query('insert into due select run_key, path, due_at from baton.timers on conflict do nothing');
      await sleep(250);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watch;
    },
  };
}

interface Begun {
  readonly workflow: string;
  /** Between the instant that it was due and the lease of the task after it, in ms. */
  readonly late: number;
  /** Between the start of its run and that. */
  readonly waited: number;
}

async function begun(): Promise<Begun[]> {
  const { rows } = await pool.query<Begun>(
    `select r.workflow, extract(epoch from a.started_at - d.due_at)::float8 * 1000 as late,
       extract(epoch from a.started_at - r.created_at)::float8 * 1000 as waited
     from due d join baton.runs r on r.key = d.run_key
     join baton.activations a on a.run_key = r.key and a.path = case r.workflow when 'backed-off' then '/0' else '/1' end`,
  );
  return rows;
}

/** By nearest rank, to a tenth. */
function at(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] as number;
  return Math.round(value * 10) / 10;
}
