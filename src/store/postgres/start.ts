/** Starting runs: the run and its first activations in one statement, atomic against every other start of the id. */
import type pg from 'pg';
import type { Tx } from '../../core/flow.js';
import { isLive, type ReadyActivation, type RunKey, type StoredRunStatus } from '../../core/model.js';
import type { StartRequest, StartResult } from '../store.js';
import { bornCtes, childArrays, childCte } from './children.js';
import { CHANNEL, NOTIFY, notes, UNPUBLISHED } from './claim.js';
import type { Database, Sql } from './database.js';
import { cancelLocked } from './end-run.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

// `on conflict` waits for a start of the same id that is under way, and then sees it: of many exactly one inserts.
const insert = (stamp: string): string => `
with req as (
  select * from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::smallint[], $8::text[], $9::text[])
    with ordinality as q(id, token, workflow, hash, input, priority, metadata, reply_to, ord)),
${childCte(10)},
started as (
  insert into baton.runs as r (namespace, id, token, workflow, hash, input, priority, metadata, reply_to)
  select $1, id, token, workflow, hash, input, priority, metadata, reply_to from req order by id, ord
  on conflict (namespace, id) where current do nothing
  returning r.key, r.token),
parent as (
  select req.ord, started.key as run_key, 'running' as status from started join req on req.token = started.token),
${bornCtes('parent', 'null::bigint', 'false', '$1', stamp)}
select parent.ord::int as ord, parent.run_key as run, a.*
from parent left join (select ${READY} from born a where a.state = 'ready') a on a.run_key = parent.run_key`;

const INSERT = { name: 'start', text: insert('clock_timestamp()') };
/** Within a caller's transaction: nobody can publish it before the commit, and one of the workers will. */
const INSERT_UNPUBLISHED = { text: insert(UNPUBLISHED) };

const CURRENT = `
select id, key, token, workflow, status from baton.runs where namespace = $1 and id = any($2::text[]) and current`;

// A run that was set aside for a later one: a repeated start still knows it by its token.
const SET_ASIDE = `
select token, key from baton.runs where namespace = $1 and id = any($2::text[]) and not current and token = any($3::uuid[])`;

const STILL_READY = `select ${READY} from baton.activations a where a.run_key = $1 and a.state = 'ready'`;

interface CurrentRow {
  id: string;
  key: RunKey;
  token: string;
  workflow: string;
  status: StoredRunStatus;
}

type Started = Extract<StartResult, { kind: 'started' }>;

/** How often a start is tried again whose rival vanished between two looks. */
const TRIES = 10;

export async function start(
  database: Database,
  namespace: string,
  requests: readonly StartRequest[],
): Promise<StartResult[]> {
  const results = new Map<StartRequest, StartResult>();
  const plain = requests.filter((request) => request.conflict !== 'terminate_existing');
  const query: Query = (statement) => database.query('commit', statement);
  if (plain.length > 0) await startAll(query, namespace, plain, results);
  for (const request of requests) {
    if (!results.has(request)) results.set(request, await startInPlace(database, namespace, request));
  }
  return requests.map((request) => results.get(request) as StartResult);
}

/** The same within a transaction of the caller's. Sessions are told of it by its commit. */
export async function startIn(tx: Tx, namespace: string, requests: readonly StartRequest[]): Promise<StartResult[]> {
  const query: Query = async <R extends pg.QueryResultRow>({ text, values }: pg.QueryConfig) =>
    (await tx.query<R>(text, values)) as pg.QueryResult<R>;
  const results = new Map<StartRequest, StartResult>();
  const plain = requests.filter((request) => request.conflict !== 'terminate_existing');
  if (plain.length > 0) await startAll(query, namespace, plain, results, INSERT_UNPUBLISHED);
  for (const request of requests) {
    if (results.has(request)) continue;
    const result = await replaceCurrent({ query }, namespace, request, INSERT_UNPUBLISHED);
    if (result === undefined) throw new Error(`run id changed hands meanwhile: ${request.id}`);
    results.set(request, result);
  }
  for (const note of notes(namespace, [...results.values()])) await query({ text: NOTIFY, values: [CHANNEL, note] });
  return requests.map((request) => results.get(request) as StartResult);
}

async function startAll(
  query: Query,
  namespace: string,
  requests: readonly StartRequest[],
  results: Map<StartRequest, StartResult>,
  insertion: pg.QueryConfig = INSERT,
): Promise<void> {
  let open = requests;
  for (let tries = 1; open.length > 0; tries++) {
    const batch = open;
    const started = await insertRuns(query, namespace, batch, insertion);
    batch.forEach((request, i) => {
      const result = started.get(i + 1);
      if (result !== undefined) results.set(request, result);
    });
    open = batch.filter((request) => !results.has(request));
    if (open.length > 0) await settleWithCurrent(query, namespace, open, results);
    open = open.filter((request) => !results.has(request));
    if (tries === TRIES && open.length > 0) throw new Error(`run ids kept changing hands: ${open[0]?.id}`);
  }
}

/** Requests whose id was taken: by a run of ours that an earlier try started, or by another. */
async function settleWithCurrent(
  query: Query,
  namespace: string,
  requests: readonly StartRequest[],
  results: Map<StartRequest, StartResult>,
): Promise<void> {
  const ids = requests.map((request) => request.id);
  const { rows } = await query<CurrentRow>({ name: 'start.current', text: CURRENT, values: [namespace, ids] });
  const current = new Map(rows.map((row) => [row.id, row]));
  const mine = await setAside(query, namespace, requests);
  for (const request of requests) {
    const row = current.get(request.id);
    const before = row?.token === request.token ? row.key : mine.get(request.token);
    if (before !== undefined) results.set(request, await startedBefore(query, before));
    else if (row !== undefined) results.set(request, exists(row));
  }
}

/** Runs that these very requests started and that lost their id since, by token. */
async function setAside(
  query: Query,
  namespace: string,
  requests: readonly StartRequest[],
): Promise<Map<string, RunKey>> {
  const values = [namespace, requests.map((request) => request.id), requests.map((request) => request.token)];
  const { rows } = await query<{ token: string; key: RunKey }>({ name: 'start.set-aside', text: SET_ASIDE, values });
  return new Map(rows.map((row) => [row.token, row.key]));
}

const exists = (row: CurrentRow): StartResult => ({
  kind: 'exists',
  run: row.key,
  workflow: row.workflow,
  status: row.status,
});

async function startedBefore(query: Query, run: RunKey): Promise<Started> {
  const { rows } = await query<ReadyColumns>({ name: 'start.ready', text: STILL_READY, values: [run] });
  return { kind: 'started', run, ready: rows.map(toReady) };
}

// Starts that terminate each other take turns: each would find the one before it, and might never be the last.
const TURN = 'select pg_advisory_xact_lock(hashtextextended($1, 0))';

/** `terminate_existing`, in a transaction of its own. */
async function startInPlace(database: Database, namespace: string, request: StartRequest): Promise<StartResult> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const result = await database.transaction('shared', (sql) => replaceCurrent(sql, namespace, request, INSERT));
    if (result !== undefined) return result;
  }
  throw new Error(`run id kept changing hands: ${request.id}`);
}

/** Ends or sets aside the run that has the id, and starts anew. Undefined: somebody else took the id in between. */
async function replaceCurrent(
  sql: Sql,
  namespace: string,
  request: StartRequest,
  insertion: pg.QueryConfig,
): Promise<Started | undefined> {
  await sql.query({ text: TURN, values: [`${namespace} ${request.id}`] });
  const current = await lockCurrent(sql, namespace, request.id);
  const query: Query = (statement) => sql.query(statement);
  const mine = (await setAside(query, namespace, [request])).get(request.token);
  const before = current?.token === request.token ? current.key : mine;
  if (before !== undefined) return startedBefore(query, before);
  const live = current !== undefined && isLive(current.status);
  const terminated = live
    ? await cancelLocked(sql, current.key, { reason: 'terminated by a new start of the same id' })
    : undefined;
  if (current !== undefined) {
    await sql.query({ text: 'update baton.runs set current = false where key = $1', values: [current.key] });
  }
  const started = (await insertRuns(query, namespace, [request], insertion)).get(1);
  return started && terminated ? { ...started, terminated } : started;
}

async function lockCurrent(sql: Sql, namespace: string, id: string): Promise<CurrentRow | undefined> {
  const { rows } = await sql.query<CurrentRow>({ text: `${CURRENT} for update`, values: [namespace, [id]] });
  return rows[0];
}

type Query = Sql['query'];

async function insertRuns(
  query: Query,
  namespace: string,
  requests: readonly StartRequest[],
  insertion: pg.QueryConfig,
): Promise<Map<number, Started>> {
  const children = requests.flatMap((request, i) => request.activations.map((row) => ({ ord: i + 1, row })));
  const { rows } = await query<{ ord: number; run: RunKey } & (ReadyColumns | { run_key: null })>({
    ...insertion,
    values: [
      namespace,
      requests.map((request) => request.id),
      requests.map((request) => request.token),
      requests.map((request) => request.workflow),
      requests.map((request) => request.hash),
      requests.map((request) => request.input),
      requests.map((request) => request.priority),
      requests.map((request) => request.metadata),
      requests.map((request) => request.replyTo),
      ...childArrays(children),
    ],
  });
  const started = new Map<number, Started & { ready: ReadyActivation[] }>();
  for (const row of rows) {
    const result = started.get(row.ord) ?? { kind: 'started', run: row.run, ready: [] };
    if (row.run_key !== null) result.ready.push(toReady(row));
    started.set(row.ord, result);
  }
  return started;
}
