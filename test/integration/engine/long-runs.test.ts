/** A run that is long or wide costs no more per step than a short one. */
import { readFile } from 'node:fs/promises';
import { type Baton, connect } from 'batonmq';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { steps300, wide } from '../../fixtures/workflows.mjs';
import { ownServices } from '../../support/own-services.js';
import { startWorker } from '../../support/workers.js';

const services = ownServices('long-runs');
let baton: Baton;
let pool: pg.Pool;

beforeAll(async () => {
  baton = await connect(services);
  pool = new pg.Pool({ connectionString: services.postgres, max: 1 });
});

afterAll(async () => {
  await baton.close();
  await pool.end();
});

describe('300 steps in a row', () => {
  const RUNS = 10;
  /** How many rows, bytes and ms a step took, the median of the steps from the 10th to the 20th and 290th to 300th. */
  let early: Cost;
  let late: Cost;

  beforeAll(async () => {
    const worker = await startWorker('workflows.mjs', services);
    try {
      // One after the other: what a step takes isn't another run's doing. The first warms the process up.
      const ids: string[] = [];
      for (let i = 0; i <= RUNS; i++) {
        const run = await baton.start(steps300, i);
        expect(await run.result({ timeout: '20s' })).toBe(i + 300);
        if (i > 0) ids.push(run.id);
      }
      [early, late] = await Promise.all([costOf(ids, 10, 20), costOf(ids, 289, 299)]);
      console.log('a step of 300: early', early, 'late', late);
    } finally {
      await worker.end('SIGTERM');
    }
  }, 120_000);

  test('each step leaves one row, late in the run as early', () => {
    expect(early.rows).toBe(RUNS * 11);
    expect(late.rows).toBe(RUNS * 11);
  });

  test('a late row has as many bytes as an early one, but for the digits of its path and value', () => {
    expect(late.bytes - early.bytes).toBeGreaterThanOrEqual(0);
    expect(late.bytes - early.bytes).toBeLessThanOrEqual(16);
  });

  test('a late step takes less than three times as long as an early one', () => {
    expect(early.ms).toBeGreaterThan(0);
    expect(late.ms / early.ms).toBeLessThan(3);
  });
});

test('a map over 10,000 elements ends within 60 s, and its worker needs at most 80 MB more than for 100', async () => {
  const small = await mapped(100);
  const large = await mapped(10_000);
  console.log(
    `a map over 10,000: ${Math.round(large.ms)} ms; memory at most ${large.peakMb} MB, for 100 ${small.peakMb}`,
  );
  expect(large.ms).toBeLessThan(60_000);
  expect(large.peakMb - small.peakMb).toBeLessThanOrEqual(80);
}, 120_000);

interface Cost {
  readonly rows: number;
  readonly bytes: number;
  readonly ms: number;
}

/** What the steps with these indices left behind: their rows, and the medians of their bytes and of the ms between ends. */
async function costOf(ids: readonly string[], from: number, to: number): Promise<Cost> {
  const { rows } = await pool.query<Cost>(
    `with steps as (
       select substr(a.path, 2)::int as step, pg_column_size(a.*) as bytes,
         extract(epoch from a.finished_at - lag(a.finished_at) over (partition by a.run_key order by a.finished_at)) * 1000 as ms
       from baton.activations a join baton.runs r on r.key = a.run_key
       where r.namespace = $1 and r.id = any($2))
     select count(*)::int as rows, percentile_cont(0.5) within group (order by bytes) as bytes,
       percentile_cont(0.5) within group (order by ms) as ms
     from steps where step between $3 and $4`,
    [services.namespace, ids, from, to],
  );
  return rows[0] as Cost;
}

/** A map over so many elements in a worker process of its own: how long it took, and the most memory it ever had. */
async function mapped(elements: number): Promise<{ ms: number; peakMb: number }> {
  const worker = await startWorker('workflows.mjs', services);
  try {
    const from = performance.now();
    const run = await baton.start(wide, elements);
    expect(await run.result({ timeout: '100s' })).toBe(elements * (elements - 1));
    return { ms: performance.now() - from, peakMb: await peakMbOf(worker.pid) };
  } finally {
    await worker.end('SIGTERM');
  }
}

async function peakMbOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
