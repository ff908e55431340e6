/** What a worker with nothing to do asks of Postgres. */
import { setTimeout as sleep } from 'node:timers/promises';
import { flow } from 'batonmq';
import { onPostgres, SERVER } from './place.js';
import { withWorker } from './with-worker.js';

/** An idle connection reports what it did within 10 s: the start-up must be older. */
const SETTLE_MS = 12_000;
/** Heartbeats come every 10 s. */
const WINDOW_MS = 30_000;

const unused = flow('unused')
  .then('never', (value) => value)
  .build();

/** Transactions and pages looked at, each per second, of the whole database. */
export function measureIdle(place) {
  return withWorker(place, { workflows: [unused] }, async () => {
    await sleep(SETTLE_MS);
    const before = await counters(place);
    await sleep(WINDOW_MS);
    const after = await counters(place);
    const seconds = (after.at - before.at) / 1_000;
    return {
      transactions: (after.transactions - before.transactions) / seconds,
      pages: (after.pages - before.pages) / seconds,
    };
  });
}

/** From another database, so that looking isn't counted. */
async function counters({ postgres }) {
  const name = new URL(postgres).pathname.slice(1);
  return onPostgres(SERVER, async (client) => {
    const { rows } = await client.query(
      `select xact_commit::float8 as transactions, (blks_hit + blks_read)::float8 as pages,
         extract(epoch from clock_timestamp())::float8 * 1000 as at
       from pg_stat_database where datname = $1`,
      [name],
    );
    return rows[0];
  });
}
