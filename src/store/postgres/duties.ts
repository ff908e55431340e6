/**
 * What any worker does for all of them: look for dead sessions, due timers and owed messages; judge and sweep the
 * dead; stamp lost messages anew. Looking writes nothing.
 */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import { type LookRequest, type LookResult, SessionDeadError, type SweepResult } from '../store.js';
import type { Database } from './database.js';
import { READY, type ReadyColumns, toReady } from './rows.js';
import { lockIsFree } from './session-lock.js';

/** Neither the judge's connection nor the server may be younger: after an outage everybody gets time to come back. */
const GRACE_MS = 3_000;
/** How long a dead session is swept: a statement of its that was under way may land late. */
const SWEEP_FOR = `interval '10 seconds'`;

const SUSPECT = `s.namespace = $2 and s.closed_at is null and s.swept_at is null and s.dead_at is null and s.key is distinct from $1::bigint`;

// A row that was stamped anew is owed again after 5 s, then 10, 20, 40, 60 s.
const LOST = (before: string) => `a.live and a.published_at < to_timestamp(${before} / 1000)
  and (a.repeats = 0 or a.published_at < clock_timestamp() - make_interval(secs => least(60, 5 * (1 << greatest(0, least(a.repeats - 1, 4))))))
  and a.state = 'ready'`;

const LOOK = `
select extract(epoch from clock_timestamp())::float8 * 1000 as now,
  extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 * 1000 as server_age,
  array(select s.key from baton.sessions s where ${SUSPECT} and s.ttl_until < clock_timestamp()) as expired,
  array(select s.key from baton.sessions s where ${SUSPECT} and ${lockIsFree('s')}) as unlocked,
  exists (select from baton.sessions s where s.namespace = $2 and s.closed_at is null and s.swept_at is null
    and s.dead_at is not null) as sweep,
  (select extract(epoch from min(t.due_at))::float8 * 1000 from baton.timers t where t.namespace = $2) as next_due_at,
  array(select q.queue from unnest($3::int[], $4::float8[]) as q(queue, before)
    where exists (select from baton.activations a where a.queue = q.queue and ${LOST('q.before')})) as owed,
  (select coalesce(sum(q.key), 0)::float8 from baton.queues q where q.namespace = $2) as queues`;

interface LookRow {
  now: number;
  server_age: number;
  expired: string[];
  unlocked: string[];
  sweep: boolean;
  next_due_at: number | null;
  owed: number[];
  queues: number;
}

export async function look(
  database: Database,
  namespace: string,
  session: SessionKey | undefined,
  { owed }: LookRequest,
): Promise<LookResult> {
  const { rows, ageMs } = await database.queryWithAge<LookRow>('duty', {
    name: 'look',
    text: LOOK,
    values: [
      session ?? null,
      namespace,
      owed.map(({ queue }) => queue),
      owed.map(({ publishedBefore }) => publishedBefore),
    ],
  });
  const row = rows[0] as LookRow;
  return {
    now: row.now,
    expired: row.expired,
    unlocked: row.unlocked,
    mayJudge: ageMs >= GRACE_MS && row.server_age >= GRACE_MS,
    sweep: row.sweep,
    nextDueAt: row.next_due_at ?? undefined,
    owed: row.owed,
    queues: row.queues,
  };
}

const SUMMON = 'select key from baton.sessions where key = any($1::bigint[]) order by key for update';
const JUDGE = `
update baton.sessions s set dead_at = clock_timestamp()
where s.key = any($1::bigint[]) and s.dead_at is null and s.closed_at is null
  and (s.ttl_until < clock_timestamp() or ${lockIsFree('s')})
returning s.key`;

/** Locks the suspects, and in a later statement looks again: a heartbeat that was under way has its say. */
export async function judge(database: Database, suspects: readonly SessionKey[]): Promise<SessionKey[]> {
  return database.transaction('duty', async (sql) => {
    await sql.query({ text: SUMMON, values: [suspects] });
    const { rows } = await sql.query<{ key: string }>({ text: JUDGE, values: [suspects] });
    return rows.map((row) => row.key);
  });
}

const LEFT_BEHIND = `
select a.run_key, a.path
from baton.activations a join baton.sessions s on s.key = a.session
where a.live and s.namespace = $1 and s.dead_at is not null and s.swept_at is null
  and (a.state = 'ready' or a.losses + 1 < $3)
limit $2`;

const POISONED = `
select a.run_key, a.path
from baton.activations a join baton.sessions s on s.key = a.session
where a.live and a.state = 'leased' and s.namespace = $1 and s.dead_at is not null and s.swept_at is null
  and a.losses + 1 >= $2`;

const LOCK_RUNS = 'select key from baton.runs where key = any($1::bigint[]) order by key for no key update';

const TAKE_BACK = `
update baton.activations a
set losses = case a.state when 'leased' then a.losses + 1 else a.losses end,
  state = case r.status when 'paused' then 'held' else 'ready' end, live = r.status <> 'paused',
  session = $3, repeats = 0, published_at = clock_timestamp()
from unnest($1::bigint[], $2::text[]) as q(run_key, path), baton.runs r, baton.sessions s
where a.run_key = q.run_key and a.path = q.path and r.key = a.run_key and s.key = a.session
  and s.dead_at is not null and a.state in ('ready', 'leased')
returning a.state, ${READY}`;

const SWEPT = `
update baton.sessions s set swept_at = clock_timestamp()
where s.namespace = $1 and s.dead_at < clock_timestamp() - ${SWEEP_FOR} and s.swept_at is null
  and not exists (select from baton.activations a where a.live and a.session = s.key)`;

const ALIVE = 'select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share';

export async function sweep(
  database: Database,
  namespace: string,
  session: SessionKey,
  { limit, poisonAt }: { readonly limit: number; readonly poisonAt: number },
): Promise<SweepResult> {
  return database.transaction('duty', async (sql) => {
    const me = await sql.query({ name: 'session.alive', text: ALIVE, values: [session] });
    if (me.rowCount === 0) throw new SessionDeadError(session);
    const found = await sql.query<{ run_key: string; path: string }>({
      text: LEFT_BEHIND,
      values: [namespace, limit, poisonAt],
    });
    const poisoned = await sql.query<{ run_key: string; path: string }>({
      text: POISONED,
      values: [namespace, poisonAt],
    });
    if (found.rowCount === 0 && poisoned.rowCount === 0) await sql.query({ text: SWEPT, values: [namespace] });
    const runs = found.rows.map((row) => row.run_key);
    await sql.query({ text: LOCK_RUNS, values: [runs] });
    const { rows } = await sql.query<ReadyColumns & { state: string }>({
      text: TAKE_BACK,
      values: [runs, found.rows.map((row) => row.path), session],
    });
    return {
      ready: rows.filter((row) => row.state === 'ready').map(toReady),
      poisoned: poisoned.rows.map((row) => ({ run: row.run_key, path: row.path })),
    };
  });
}

const RESTAMP = `
with me as (
  select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share),
lost as (
  select a.run_key, a.path
  from unnest($2::int[], $3::float8[]) as q(queue, before) join baton.activations a on a.queue = q.queue
  where ${LOST('q.before')} and exists (select from me)
  order by a.published_at limit $4 for update of a skip locked),
stamped as (
  update baton.activations a
  set session = $1, published_at = clock_timestamp(), repeats = least(a.repeats + 1, 10)
  from lost where a.run_key = lost.run_key and a.path = lost.path
  returning a.*)
select (select count(*) from me)::int as alive, a.*
from (select 1) one left join (select ${READY} from stamped a) a on true`;

export async function restamp(
  database: Database,
  session: SessionKey,
  owed: LookRequest['owed'],
  limit: number,
): Promise<ReadyActivation[]> {
  const { rows } = await database.query<{ alive: number } & (ReadyColumns | { run_key: null })>('duty', {
    name: 'restamp',
    text: RESTAMP,
    values: [session, owed.map(({ queue }) => queue), owed.map(({ publishedBefore }) => publishedBefore), limit],
  });
  if (rows[0]?.alive === 0) throw new SessionDeadError(session);
  return rows.flatMap((row) => (row.run_key === null ? [] : [toReady(row)]));
}
