/** Elements of a map: going in by chunks, and, under a limit, becoming ready one after the other. */
import type { ActivationRef, ReadyActivation, SessionKey } from '../../core/model.js';
import { type ExpandResult, type Expansion, SessionDeadError } from '../store.js';
import { bornCtes, childArrays, childCte } from './children.js';
import type { Database, Sql } from './database.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

// `pending` counts from the first chunk on, for early elements may arrive before the last is in. The last chunk
// holds at least one element, so the row can't be complete while it still counts as leased.
const EXPAND = `
with me as (
  select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share),
${childCte(9)},
locked as materialized (
  select key, status from baton.runs where key = $3 for no key update),
grown as (
  update baton.activations a
  set cursor = $7, pending = coalesce(a.pending, $8),
    state = case when $7 = $8 then 'joining' else a.state end, live = $7 < $8
  from locked
  where a.run_key = locked.key and a.path = $4 and a.state = 'leased' and a.session = $1 and a.number = $5 and a.cursor = $6
    and exists (select from me)
  returning 1 as ord, a.run_key, locked.status),
${bornCtes('grown', '$1', 'false', '$2')}
select (select count(*) from me)::int as alive, (select count(*) from grown)::int as grown, a.*
from (select 1) one left join (select ${READY} from born a where a.state = 'ready') a on true`;

const STANDS_AT = `
select 1 from baton.activations
where run_key = $1 and path = $2 and session = $3 and number = $4 and cursor >= $5 and state in ('leased', 'joining')`;

export async function expand(
  database: Database,
  namespace: string,
  session: SessionKey,
  expansion: Expansion,
): Promise<ExpandResult> {
  const { run, path, number, activate, from, next, total, release } = expansion;
  return database.transaction('commit', async (sql) => {
    const children = activate.map((row) => ({ ord: 1, row }));
    const { rows } = await sql.query<{ alive: number; grown: number } & (ReadyColumns | { run_key: null })>({
      name: 'expand',
      text: EXPAND,
      values: [session, namespace, run, path, number, from, next, total, ...childArrays(children)],
    });
    if (rows[0]?.alive === 0) throw new SessionDeadError(session);
    if (rows[0]?.grown !== 1) return standsAt(sql, session, expansion);
    const ready = rows.flatMap((row) => (row.run_key === null ? [] : [toReady(row)]));
    if (release === undefined) return { kind: 'expanded', ready };
    await sql.query({
      text: 'update baton.activations set cursor = 0 where run_key = $1 and path = $2',
      values: [run, path],
    });
    const first = await releaseElements(
      sql,
      session,
      { run, path },
      { count: release.running, suffix: release.suffix },
    );
    return { kind: 'expanded', ready: [...ready, ...first] };
  });
}

/** A repeated chunk that is in already: its messages are the watermark's. */
async function standsAt(
  sql: Sql,
  session: SessionKey,
  { run, path, number, next, release }: Expansion,
): Promise<ExpandResult> {
  const { rowCount } = await sql.query({
    text: STANDS_AT,
    values: [run, path, session, number, release === undefined ? next : 0],
  });
  return rowCount === 1 ? { kind: 'expanded', ready: [] } : { kind: 'lost' };
}

const TURN = `
with map as (
  update baton.activations m set cursor = m.cursor + $4 where m.run_key = $1 and m.path = $2 returning m.cursor)
update baton.activations a
set state = case r.status when 'paused' then 'held' else 'ready' end, live = r.status <> 'paused', session = $5,
  ready_at = clock_timestamp(), published_at = clock_timestamp()
from map, baton.runs r, generate_series(map.cursor - $4, map.cursor - 1) as turn(element)
where r.key = $1 and a.run_key = $1 and a.path = $2 || '#' || turn.element || $3 and a.state = 'queued'
returning a.state, ${READY}`;

/** Makes the next `count` queued elements of a limited map ready. The transaction holds the run's lock. */
export async function releaseElements(
  sql: Sql,
  session: SessionKey,
  map: ActivationRef,
  { count, suffix }: { readonly count: number; readonly suffix: string },
): Promise<ReadyActivation[]> {
  const { rows } = await sql.query<ReadyColumns & { state: string }>({
    name: 'elements.turn',
    text: TURN,
    values: [map.run, map.path, suffix, count, session],
  });
  return rows.filter((row) => row.state === 'ready').map(toReady);
}
