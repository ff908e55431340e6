/** Leases that end without a completion: backed off, or given back unharmed. */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import type { BackOff, LeaseRef } from '../store.js';
import type { Database, Sql } from './database.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

// The number stays on the row, so that a repeat of a request whose answer was lost knows itself.
const BACK_OFF = `
with req as (
  select * from unnest($3::bigint[], $4::text[], $5::bigint[], $6::float8[], $7::text[], $8::text[])
    with ordinality as q(run_key, path, number, delay_ms, error, progress, ord)),
locked as materialized (
  select key from baton.runs where key = any($3::bigint[]) order by key for no key update),
parked as (
  update baton.activations a
  set state = 'backing_off', live = false, attempt = a.attempt + 1, error = req.error,
    progress = coalesce(req.progress, a.progress), finished_at = clock_timestamp()
  from req join locked on locked.key = req.run_key
  where (select count(*) from locked) > 0
    and a.run_key = req.run_key and a.path = req.path and a.state = 'leased' and a.session = $1 and a.number = req.number
  returning req.ord, a.run_key, a.path, req.delay_ms),
timed as (
  insert into baton.timers (run_key, path, namespace, due_at)
  select run_key, path, $2, clock_timestamp() + delay_ms * interval '1 millisecond' from parked
  on conflict (run_key, path) do update set due_at = excluded.due_at)
select req.ord::int as ord, parked.ord is not null or before.run_key is not null as kept
from req
left join parked on parked.ord = req.ord
left join baton.activations before on before.run_key = req.run_key and before.path = req.path
  and before.session = $1 and before.number = req.number and before.state = 'backing_off'
order by req.ord`;

export async function backOff(
  database: Database,
  namespace: string,
  session: SessionKey,
  requests: readonly BackOff[],
): Promise<boolean[]> {
  const { rows } = await database.query<{ kept: boolean }>('commit', {
    name: 'back-off',
    text: BACK_OFF,
    values: [
      session,
      namespace,
      requests.map(({ run }) => run),
      requests.map(({ path }) => path),
      requests.map(({ number }) => number),
      requests.map(({ delayMs }) => delayMs),
      requests.map(({ error }) => JSON.stringify(error)),
      requests.map(({ progress }) => progress ?? null),
    ],
  });
  return rows.map((row) => row.kept);
}

const HAND_BACK = `
with req as (
  select * from unnest($2::bigint[], $3::text[], $4::bigint[]) as q(run_key, path, number)),
locked as materialized (
  select key, status from baton.runs where key = any($2::bigint[]) order by key for no key update)
update baton.activations a
set state = case locked.status when 'paused' then 'held' else 'ready' end, live = locked.status <> 'paused',
  repeats = 0, published_at = clock_timestamp()
from req join locked on locked.key = req.run_key
where (select count(*) from locked) > 0
  and a.run_key = req.run_key and a.path = req.path and a.state = 'leased' and a.session = $1 and a.number = req.number
returning a.state, ${READY}`;

export function handBack(
  database: Database,
  session: SessionKey,
  leases: readonly LeaseRef[],
): Promise<ReadyActivation[]> {
  return handBackIn({ query: (statement) => database.query('duty', statement) }, session, leases);
}

/** The same within a transaction. */
export async function handBackIn(
  sql: Sql,
  session: SessionKey,
  leases: readonly LeaseRef[],
): Promise<ReadyActivation[]> {
  if (leases.length === 0) return [];
  const { rows } = await sql.query<ReadyColumns & { state: string }>({
    name: 'hand-back',
    text: HAND_BACK,
    values: [session, leases.map(({ run }) => run), leases.map(({ path }) => path), leases.map(({ number }) => number)],
  });
  return rows.filter((row) => row.state === 'ready').map(toReady);
}
