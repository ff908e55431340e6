/** What falls due becomes ready: delays, back-offs, and signals that didn't come in time. */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import { TIMED_OUT } from '../../core/recipe.js';
import { SessionDeadError } from '../store.js';
import type { Database } from './database.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

// A timer whose row has moved on (the signal came, the run ended) is deleted without effect. Of control only a retry
// touches timers: where its order (run, timers) meets this one (timer, run), Postgres repeats one of both.
const FIRE = `
with me as (
  select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share),
due as materialized (
  select run_key, path from baton.timers
  where namespace = $2 and due_at <= statement_timestamp() and exists (select from me)
  order by due_at limit $3 for update skip locked),
locked as materialized (
  select key, status from baton.runs where key = any(array(select run_key from due)) order by key for no key update),
fired as (
  delete from baton.timers t using due
  where t.run_key = due.run_key and t.path = due.path and (select count(*) from locked) >= 0),
forgotten as (
  delete from baton.waits w using due where w.run_key = due.run_key and w.path = due.path),
woken as (
  update baton.activations a
  set state = case locked.status when 'paused' then 'held' else 'ready' end, live = locked.status <> 'paused',
    session = $1, repeats = 0, ready_at = clock_timestamp(), published_at = clock_timestamp(),
    source = case when a.state = 'awaiting_signal' then null else a.source end,
    recipe = case when a.state = 'awaiting_signal' then $4 else a.recipe end
  from due join locked on locked.key = due.run_key
  where a.run_key = due.run_key and a.path = due.path and a.state in ('delayed', 'backing_off', 'awaiting_signal')
    and locked.status in ('running', 'paused')
  returning a.*)
select (select count(*) from me)::int as alive,
  (select extract(epoch from case when (select count(*) from due) < $3 then min(due_at) else statement_timestamp() end)::float8 * 1000
   from baton.timers where namespace = $2 and due_at > statement_timestamp()) as next_due_at, a.*
from (select 1) one left join (select ${READY} from woken a where a.state = 'ready') a on true`;

export async function fireTimers(
  database: Database,
  namespace: string,
  session: SessionKey,
  limit: number,
): Promise<{ ready: ReadyActivation[]; nextDueAt: number | undefined }> {
  const { rows } = await database.query<
    { alive: number; next_due_at: number | null } & (ReadyColumns | { run_key: null })
  >('duty', {
    name: 'timers.fire',
    text: FIRE,
    values: [session, namespace, limit, JSON.stringify(TIMED_OUT)],
  });
  if (rows[0]?.alive === 0) throw new SessionDeadError(session);
  return {
    ready: rows.flatMap((row) => (row.run_key === null ? [] : [toReady(row)])),
    nextDueAt: rows[0]?.next_due_at ?? undefined,
  };
}
