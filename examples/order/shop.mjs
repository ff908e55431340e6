/**
 * The shop's own log, in a table of its own: which process did which step, and when. Set SHOP_LOG to a Postgres
 * URL to have it written; without it the steps run all the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const pool =
  process.env.SHOP_LOG && new pg.Pool({ connectionString: process.env.SHOP_LOG, max: 2, allowExitOnIdle: true });

const TABLE = `create table if not exists shop_log (
  run text, path text, task text, attempt int, pid int, started_at timestamptz, finished_at timestamptz)`;

let table;

/** Wraps a step's function: it takes `ms` longer, and is written down. */
export function logged(fn, { ms = 0 } = {}) {
  return async (input, ctx) => {
    const startedAt = new Date();
    if (ms > 0) await sleep(ms, undefined, { signal: ctx.signal });
    const output = await fn(input, ctx);
    if (pool) {
      // Two processes may create the table at the same moment; one of them is told that it exists.
      table ??= pool.query(TABLE).catch(() => pool.query(TABLE));
      await table;
      await pool.query('insert into shop_log values ($1, $2, $3, $4, $5, $6, $7)', [
        ctx.runId,
        ctx.path,
        ctx.taskId,
        ctx.attempt,
        process.pid,
        startedAt,
        new Date(),
      ]);
    }
    return output;
  };
}
