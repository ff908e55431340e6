/**
 * Committing completions: one statement records a batch of them and everything that follows: successors, join
 * arrivals, timers, waits, ends of runs. Its order is runs first (by key, locked), then their activations; all it
 * decides, it decides from rows that it has locked. Two things need a look that only a later statement of the
 * same transaction may take: a buffered signal for a new wait, and the next element of a limited map.
 */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import { type CommitResult, type Completion, SessionDeadError } from '../store.js';
import { bornCtes, childArrays, childCte } from './children.js';
import type { Database, Sql } from './database.js';
import { releaseElements } from './elements.js';
import { ENDED, type EndedColumns, READY, type ReadyColumns, refKey, toEnded, toReady } from './rows.js';
import { deliverBuffered } from './signal.js';

const COMMIT = `
with me as (
  select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share),
req as (
  select * from unnest($3::bigint[], $4::text[], $5::bigint[], $6::bytea[], $7::text[], $8::int[], $9::text[],
    $10::boolean[], $11::text[], $12::text[])
    with ordinality as q(run_key, path, number, output, arrived_at, slot, result, finish, output_source, output_recipe, ord)),
${childCte(13)},
locked as materialized (
  select key, status from baton.runs where key = any($3::bigint[]) and exists (select from me) order by key for no key update),
done as (
  update baton.activations a
  set state = 'completed', live = false, output = req.output, arrived_at = req.arrived_at, slot = req.slot,
    result = req.result, finished_at = clock_timestamp()
  from req join locked on locked.key = req.run_key
  where (select count(*) from locked) > 0
    and a.run_key = req.run_key and a.path = req.path and a.state = 'leased' and a.session = $1 and a.number = req.number
  returning req.ord, a.run_key, locked.status, req.arrived_at as join_path, req.finish, req.output_source, req.output_recipe),
${bornCtes('done', '$1', 'true', '$2')},
arrivals as (
  select run_key, join_path, min(status) as status, count(*)::int as arrived, min(ord) as ord
  from done where join_path is not null group by run_key, join_path),
joined as (
  update baton.activations a
  set pending = a.pending - n.arrived, repeats = 0,
    session = case when a.state = 'joining' and a.pending = n.arrived then $1 else a.session end,
    state = case when a.state = 'joining' and a.pending = n.arrived
      then case n.status when 'paused' then 'held' else 'ready' end else a.state end,
    live = a.live or (a.state = 'joining' and a.pending = n.arrived and n.status <> 'paused'),
    ready_at = case when a.pending = n.arrived then clock_timestamp() else a.ready_at end,
    published_at = case when a.pending = n.arrived then clock_timestamp() else a.published_at end
  from arrivals n
  where a.run_key = n.run_key and a.path = n.join_path
  returning n.ord, a.*),
ended as (
  update baton.runs r
  set status = 'completed', output_source = d.output_source, output_recipe = d.output_recipe, reason = null, actor = null,
    finished_at = clock_timestamp()
  from done d where d.finish and r.key = d.run_key
  returning d.ord, ${ENDED})
select 'dead' as kind, null::int as ord, null::text as state, null::bigint as run_key, null::text as path, null::int as queue,
  null::int as losses, null::float8 as ready_at, null::float8 as published_at, null::bigint as key, null::text as id,
  null::text as workflow, null::text as status, null::text as reply_to
where not exists (select from me)
union all
select 'done', ord::int, null, null, null, null, null, null, null, null, null, null, null, null from done
union all
select 'born', null, a.state, ${READY}, null, null, null, null, null from born a where a.state in ('ready', 'leased')
union all
select 'joined', a.ord::int, a.state, ${READY}, null, null, null, null, null from joined a where a.state = 'ready' and a.pending = 0
union all
select 'ended', ended.ord::int, null, null, null, null, null, null, null, key, id, workflow, status, reply_to from ended`;

interface Row extends ReadyColumns, EndedColumns {
  kind: 'dead' | 'done' | 'born' | 'joined' | 'ended';
  ord: number;
  state: string;
}

type Committed = Extract<CommitResult, { kind: 'committed' }>;
type Draft = { -readonly [K in keyof Committed]: Committed[K] } & { ready: ReadyActivation[] };

export async function commit(
  database: Database,
  namespace: string,
  session: SessionKey,
  completions: readonly Completion[],
  repeat: boolean,
): Promise<CommitResult[]> {
  const send = (query: Sql['query']) => record(query, namespace, session, completions);
  const results = needsLaterLook(completions)
    ? await database.transaction('commit', async (sql) => {
        const committed = await send((statement) => sql.query(statement));
        await lookLater(sql, session, completions, committed);
        return committed;
      })
    : await send((statement) => database.query('commit', statement));
  if (repeat) await recognise((statement) => database.query('commit', statement), session, completions, results);
  return completions.map((_, i) => results.get(i + 1) ?? { kind: 'lost' });
}

/** One completion as part of a transaction that is committed, or not, by the caller. */
export async function commitIn(
  sql: Sql,
  namespace: string,
  session: SessionKey,
  completion: Completion,
): Promise<CommitResult> {
  const results = await record((statement) => sql.query(statement), namespace, session, [completion]);
  await lookLater(sql, session, [completion], results);
  return results.get(1) ?? { kind: 'lost' };
}

const LOCK_RUN = 'select key from baton.runs where key = $1 for no key update';

/**
 * A completion whose transaction nobody knows the end of: the run's lock was taken in it, so whoever has the lock sees
 * how it ended. Undefined: it isn't recorded.
 */
export async function recorded(
  database: Database,
  session: SessionKey,
  completion: Completion,
): Promise<CommitResult | undefined> {
  const results = new Map<number, Draft>();
  await database.transaction('commit', async (sql) => {
    results.clear();
    await sql.query({ text: LOCK_RUN, values: [completion.run] });
    await recognise((statement) => sql.query(statement), session, [completion], results);
  });
  return results.get(1);
}

async function record(
  query: Sql['query'],
  namespace: string,
  session: SessionKey,
  completions: readonly Completion[],
): Promise<Map<number, Draft>> {
  const children = completions.flatMap((completion, i) => completion.activate.map((row) => ({ ord: i + 1, row })));
  const { rows } = await query<Row>({
    name: 'commit',
    text: COMMIT,
    values: [session, namespace, ...completionArrays(completions), ...childArrays(children)],
  });
  if (rows[0]?.kind === 'dead') throw new SessionDeadError(session);
  const parents = new Map(
    children.map(({ ord, row }) => [refKey((completions[ord - 1] as Completion).run, row.path), ord]),
  );
  return collect(rows, parents);
}

function completionArrays(completions: readonly Completion[]): unknown[] {
  return [
    completions.map(({ run }) => run),
    completions.map(({ path }) => path),
    completions.map(({ number }) => number),
    completions.map(({ output }) => output ?? null),
    completions.map(({ arrive }) => arrive?.join ?? null),
    completions.map(({ arrive }) => arrive?.slot ?? null),
    completions.map(({ arrive }) => arrive?.result ?? null),
    completions.map(({ finish }) => finish !== undefined),
    completions.map(({ finish }) => finish?.source ?? null),
    completions.map(({ finish }) => finish?.recipe ?? null),
  ];
}

/** One result per recorded completion, by its place in the batch. `parents`: whose child a row is. */
function collect(rows: readonly Row[], parents: ReadonlyMap<string, number>): Map<number, Draft> {
  const results = new Map<number, Draft>();
  for (const row of rows) if (row.kind === 'done') results.set(row.ord, { kind: 'committed', ready: [] });
  for (const row of rows) {
    const ord = row.kind === 'born' ? parents.get(refKey(row.run_key, row.path)) : row.ord;
    const result = ord === undefined ? undefined : results.get(ord);
    if (result === undefined || row.kind === 'done') continue;
    if (row.kind === 'ended') result.ended = toEnded(row);
    else if (row.state === 'leased') Object.assign(result, { leased: row.path, readyAt: row.ready_at });
    else result.ready.push(toReady(row));
  }
  return results;
}

function needsLaterLook(completions: readonly Completion[]): boolean {
  return completions.some(
    ({ arrive, activate }) => arrive?.release !== undefined || activate.some((row) => row.signal !== undefined),
  );
}

/** The run is locked: what these statements see can't change before the commit. */
async function lookLater(
  sql: Sql,
  session: SessionKey,
  completions: readonly Completion[],
  results: ReadonlyMap<number, Draft>,
): Promise<void> {
  for (const [ord, result] of results) {
    const { run, activate, arrive } = completions[ord - 1] as Completion;
    for (const { signal } of activate) {
      if (signal !== undefined) result.ready.push(...(await deliverBuffered(sql, session, run, signal)));
    }
    if (arrive?.release !== undefined) {
      const { suffix } = arrive.release;
      result.ready.push(...(await releaseElements(sql, session, { run, path: arrive.join }, { count: 1, suffix })));
    }
  }
}

const RECORDED = `
select q.ord::int as ord, a.run_key, a.path, r.status, ${ENDED}
from unnest($2::bigint[], $3::text[], $4::bigint[]) with ordinality as q(run_key, path, number, ord)
join baton.activations a on a.run_key = q.run_key and a.path = q.path
join baton.runs r on r.key = a.run_key
where a.state = 'completed' and a.session = $1 and a.number = q.number`;

const SUCCESSORS = `
select a.state, a.session, a.number, ${READY}
from unnest($1::bigint[], $2::text[]) as q(run_key, path)
join baton.activations a on a.run_key = q.run_key and a.path = q.path
where a.state in ('ready', 'leased')`;

/** A repeat finds its own number on a completed row: committed before, with the successors as they stand now. */
async function recognise(
  query: Sql['query'],
  session: SessionKey,
  completions: readonly Completion[],
  results: Map<number, Draft>,
): Promise<void> {
  const values = [
    session,
    completions.map(({ run }) => run),
    completions.map(({ path }) => path),
    completions.map(({ number }) => number),
  ];
  const { rows } = await query<{ ord: number } & EndedColumns>({ text: RECORDED, values });
  for (const row of rows) {
    if (results.has(row.ord)) continue;
    const completion = completions[row.ord - 1] as Completion;
    const result = await successors(query, session, completion);
    if (completion.finish !== undefined && row.status === 'completed') result.ended = toEnded(row);
    results.set(row.ord, result);
  }
}

async function successors(
  query: Sql['query'],
  session: SessionKey,
  { run, activate, arrive }: Completion,
): Promise<Draft> {
  const paths = [...activate.map((row) => row.path), ...(arrive ? [arrive.join] : [])];
  const { rows } = await query<ReadyColumns & { state: string; session: string | null; number: string | null }>({
    text: SUCCESSORS,
    values: [paths.map(() => run), paths],
  });
  const result: Draft = { kind: 'committed', ready: [] };
  for (const row of rows) {
    const eager = activate.find((child) => child.path === row.path)?.leaseNumber;
    if (row.state === 'ready') result.ready.push(toReady(row));
    else if (eager !== undefined && row.session === session && Number(row.number) === eager) {
      Object.assign(result, { leased: row.path, readyAt: row.ready_at });
    }
  }
  return result;
}
