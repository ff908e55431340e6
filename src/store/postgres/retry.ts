/**
 * Retrying a failed run: the activation that failed, and those that the failure stopped, go on from where they stood.
 * What was at work or about to be is ready again; what was parked is parked again, unless its time has come meanwhile.
 */
import type { RunKey } from '../../core/model.js';
import { TIMED_OUT } from '../../core/recipe.js';
import type { ControlResult } from '../store.js';
import type { Database, Sql } from './database.js';
import { lockRun } from './end-run.js';
import { READY, type ReadyColumns, toReady } from './rows.js';
import { deliverBuffered } from './signal.js';

const RETRIED = 'select 1 from baton.runs where key = $1 and retry_token = $2';

const REVIVE_RUN = `
update baton.runs
set status = 'running', error = null, failed_task = null, failed_attempt = null, finished_at = null, retry_token = $2
where key = $1`;

// Deleted and made anew, not changed: whoever fires timers with an older view of the activations must not find them.
const FORGET_TIMERS = 'delete from baton.timers where run_key = $1';

const REOPEN = `
with stopped as (
  select path,
    case
      when stopped_in in ('delayed', 'awaiting_signal') and stopped_due_at <= clock_timestamp() then 'ready'
      when stopped_in in ('delayed', 'awaiting_signal', 'joining', 'queued') then stopped_in
      else 'ready'
    end as state,
    case when stopped_in in ('delayed', 'awaiting_signal') and stopped_due_at > clock_timestamp() then stopped_due_at end as due_at,
    stopped_in = 'awaiting_signal' and stopped_due_at <= clock_timestamp() as timed_out
  from baton.activations where run_key = $1 and (state = 'failed' or stopped_in is not null)),
timed as (
  insert into baton.timers (run_key, path, namespace, due_at)
  select $1, stopped.path, r.namespace, stopped.due_at from stopped, baton.runs r where r.key = $1 and stopped.due_at is not null),
forgotten as (
  delete from baton.waits w using stopped where w.run_key = $1 and w.path = stopped.path and stopped.timed_out)
update baton.activations a
set state = stopped.state, live = stopped.state = 'ready', session = null, number = null,
  attempt = 1, losses = 0, repeats = 0, error = null, stopped_in = null, stopped_due_at = null, finished_at = null,
  source = case when stopped.timed_out then null else a.source end,
  recipe = case when stopped.timed_out then $2 else a.recipe end,
  ready_at = case when stopped.state = 'ready' then clock_timestamp() end,
  published_at = case when stopped.state = 'ready' then clock_timestamp() end
from stopped where a.run_key = $1 and a.path = stopped.path
returning a.state, ${READY}`;

const WAITED_FOR = 'select distinct name from baton.waits where run_key = $1';
const EARLIEST_TIMER = `
select extract(epoch from min(due_at) - clock_timestamp())::float8 * 1000 as due_in from baton.timers where run_key = $1`;

export async function retry(database: Database, run: RunKey, token: string): Promise<ControlResult | undefined> {
  return database.transaction('shared', async (sql) => {
    const status = await lockRun(sql, run);
    if (status === undefined) return undefined;
    const before = await sql.query({ text: RETRIED, values: [run, token] });
    if (before.rowCount === 1) return { kind: 'done', changed: false, ready: [] };
    if (status !== 'failed') return { kind: 'refused', status };
    await sql.query({ text: REVIVE_RUN, values: [run, token] });
    await sql.query({ text: FORGET_TIMERS, values: [run] });
    const { rows } = await sql.query<ReadyColumns & { state: string }>({
      text: REOPEN,
      values: [run, JSON.stringify(TIMED_OUT)],
    });
    const ready = rows.filter((row) => row.state === 'ready').map(toReady);
    ready.push(...(await deliverAll(sql, run)));
    const timer = await sql.query<{ due_in: number | null }>({ text: EARLIEST_TIMER, values: [run] });
    const dueInMs = timer.rows[0]?.due_in ?? undefined;
    return { kind: 'done', changed: true, ready, ...(dueInMs === undefined ? {} : { dueInMs: Math.max(0, dueInMs) }) };
  });
}

async function deliverAll(sql: Sql, run: RunKey) {
  const { rows } = await sql.query<{ name: string }>({ text: WAITED_FOR, values: [run] });
  const ready = [];
  for (const { name } of rows) ready.push(...(await deliverBuffered(sql, null, run, name)));
  return ready;
}
