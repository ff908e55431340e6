/** Statements are planned on what the tables hold, and a new deployment's tables hold next to nothing. */
import { connect, flow } from 'batonmq';
import pg from 'pg';
import { expect, test } from 'vitest';
import { ownServices } from '../../support/own-services.js';

const RUNS = 300;
const services = ownServices('plans');

const steps = Array.from({ length: 10 }, (_, i) => i)
  .reduce((built, i) => built.then(`step${i}`, (n: number) => n + 1), flow<number>('steps'))
  .build();

test('tables that were analyzed while they were empty, and then grow, are still read row by row', async () => {
  await query('vacuum analyze');
  const baton = await connect(services);
  try {
    await baton.worker({ workflows: [steps], concurrency: 100 }).start();
    for (let round = 0; round < 3; round++) {
      const handles = await baton.startMany(steps, Array(RUNS).fill(0));
      const results = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })));
      expect(new Set(results)).toEqual(new Set([10]));
    }
  } finally {
    await baton.close();
  }
  // Connections that are closed have reported what they did.
  const [read] = await query<{ scans: number; rows: number }>(
    `select sum(idx_scan)::int as scans, sum(idx_tup_read)::int as rows from pg_stat_user_indexes
     where indexrelname in ('activations_pkey', 'runs_pkey')`,
  );
  console.log(`${RUNS * 3} runs of 10 steps looked ${read?.scans} times and read ${read?.rows} rows`);
  expect(read?.scans).toBeGreaterThan(RUNS * 3 * 10);
  expect((read?.rows ?? 0) / (read?.scans ?? 0)).toBeLessThan(4);
}, 90_000);

async function query<R extends pg.QueryResultRow>(sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: services.postgres });
  await client.connect();
  try {
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end();
  }
}
