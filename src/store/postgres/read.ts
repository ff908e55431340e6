/** Reads for clients, and values for recipes. Nothing here locks or decides. */
import type {
  ActivationRef,
  ActivationState,
  Json,
  Priority,
  RunKey,
  SerializedError,
  StoredRunStatus,
} from '../../core/model.js';
import type { Arrival, Recipe } from '../../core/recipe.js';
import type { ActivationView, ListQuery, RunRow } from '../store.js';
import type { Database } from './database.js';

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

const RUN = `r.key, r.id, r.workflow, r.hash, r.status, r.priority, r.metadata, r.reply_to, r.output_source, r.output_recipe,
  r.error, r.failed_task, r.failed_attempt, r.reason, r.actor, r.current,
  ${ms('r.created_at')} as created_at, ${ms('r.finished_at')} as finished_at`;

const STARTED = `${ms('(select min(a.started_at) from baton.activations a where a.run_key = r.key)')} as started_at`;

interface RunColumns {
  key: RunKey;
  id: string;
  workflow: string;
  hash: string;
  status: StoredRunStatus;
  priority: Priority;
  metadata: string | null;
  reply_to: string | null;
  output_source: string | null;
  output_recipe: string | null;
  error: string | null;
  failed_task: string | null;
  failed_attempt: number | null;
  reason: string | null;
  actor: string | null;
  current: boolean;
  created_at: number;
  started_at?: number | null;
  finished_at: number | null;
}

const FIND = `select ${RUN}, ${STARTED} from baton.runs r where r.namespace = $1 and r.id = $2 and r.current`;
const RUNS = `select ${RUN} from baton.runs r where r.key = any($1::bigint[])`;
const LIST = `
select ${RUN}, ${STARTED} from baton.runs r
where r.namespace = $1 and ($2::text is null or r.workflow = $2) and ($3::text is null or r.status = $3)
  and ($4::float8 is null or r.created_at >= to_timestamp($4 / 1000))
  and ($5::float8 is null or r.created_at < to_timestamp($5 / 1000))
  and ($6::bigint is null or r.key < $6)
order by r.key desc limit $7`;

export async function findRun(database: Database, namespace: string, id: string): Promise<RunRow | undefined> {
  const { rows } = await database.query<RunColumns>('shared', {
    name: 'run.find',
    text: FIND,
    values: [namespace, id],
  });
  return rows[0] && toRun(rows[0]);
}

export async function runs(database: Database, keys: readonly RunKey[]): Promise<RunRow[]> {
  const { rows } = await database.query<RunColumns>('shared', { name: 'runs', text: RUNS, values: [keys] });
  return rows.map(toRun);
}

export async function listRuns(database: Database, namespace: string, query: ListQuery): Promise<RunRow[]> {
  const { workflow, status, since, until, before, limit } = query;
  const values = [namespace, workflow ?? null, status ?? null, since ?? null, until ?? null, before ?? null, limit];
  const { rows } = await database.query<RunColumns>('shared', { text: LIST, values });
  return rows.map(toRun);
}

function toRun(row: RunColumns): RunRow {
  return {
    run: row.key,
    id: row.id,
    workflow: row.workflow,
    hash: row.hash,
    status: row.status,
    priority: row.priority,
    metadata: row.metadata,
    replyTo: row.reply_to,
    output: row.status === 'completed' ? { source: row.output_source, recipe: row.output_recipe } : undefined,
    error: row.error === null ? undefined : (JSON.parse(row.error) as SerializedError),
    failedTask: row.failed_task ?? undefined,
    failedAttempt: row.failed_attempt ?? undefined,
    reason: row.reason ?? undefined,
    by: row.actor ?? undefined,
    current: row.current,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
  };
}

const ACTIVATIONS = `
select a.path, a.state, a.attempt, a.losses, a.queue, a.repeats, a.error, a.progress, s.worker_id,
  ${ms('a.published_at')} as published_at,
  ${ms('a.ready_at')} as ready_at, ${ms('a.started_at')} as started_at, ${ms('a.finished_at')} as finished_at,
  ${ms('t.due_at')} as due_at, w.name as signal, ${ms('w.parked_at')} as parked_at
from baton.activations a
left join baton.sessions s on s.key = a.session and a.started_at is not null
left join baton.timers t on t.run_key = a.run_key and t.path = a.path and a.state in ('delayed', 'backing_off', 'awaiting_signal')
left join baton.waits w on w.run_key = a.run_key and w.path = a.path and a.state = 'awaiting_signal'
where a.run_key = $1 and (not $2::boolean or a.state not in ('completed', 'failed', 'cancelled'))`;

interface ActivationColumns {
  path: string;
  state: ActivationState;
  attempt: number;
  losses: number;
  queue: number;
  repeats: number;
  published_at: number | null;
  error: string | null;
  progress: string | null;
  worker_id: string | null;
  ready_at: number | null;
  started_at: number | null;
  finished_at: number | null;
  due_at: number | null;
  signal: string | null;
  parked_at: number | null;
}

export async function activations(database: Database, run: RunKey, open: boolean): Promise<ActivationView[]> {
  const { rows } = await database.query<ActivationColumns>('shared', { text: ACTIVATIONS, values: [run, open] });
  return rows.map((row) => ({
    path: row.path,
    state: row.state,
    attempt: row.attempt,
    losses: row.losses,
    worker: row.worker_id ?? undefined,
    readyAt: row.ready_at ?? undefined,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    dueAt: row.due_at ?? undefined,
    signal: row.signal ?? undefined,
    parkedAt: row.parked_at ?? undefined,
    error: row.error === null ? undefined : (JSON.parse(row.error) as SerializedError),
    progress: row.progress === null ? undefined : (JSON.parse(row.progress) as Json),
    queue: row.queue,
    publishedAt: row.state === 'ready' ? (row.published_at ?? undefined) : undefined,
    repeats: row.state === 'ready' ? row.repeats : 0,
  }));
}

export async function runInput(database: Database, run: RunKey): Promise<Uint8Array> {
  const text = 'select input from baton.runs where key = $1';
  const { rows } = await database.query<{ input: Buffer }>('shared', { name: 'run.input', text, values: [run] });
  if (rows[0] === undefined) throw new RangeError(`no run has the key ${run}`);
  return rows[0].input;
}

const OUTPUTS = `
select a.output from unnest($1::bigint[], $2::text[]) with ordinality as q(run_key, path, ord)
left join baton.activations a on a.run_key = q.run_key and a.path = q.path and a.state = 'completed'
order by q.ord`;

export async function outputs(database: Database, refs: readonly ActivationRef[]): Promise<(Uint8Array | undefined)[]> {
  const values = [refs.map(({ run }) => run), refs.map(({ path }) => path)];
  const { rows } = await database.query<{ output: Buffer | null }>('shared', {
    name: 'outputs',
    text: OUTPUTS,
    values,
  });
  return rows.map((row) => row.output ?? undefined);
}

// What arrived lies under the join's own path: branches behind '/b', elements behind '#'. '0' and '$' are the
// characters after '/' and '#'.
const GATHER = `
select a.path, a.result, a.output from baton.activations a
where a.run_key = $1 and a.arrived_at = $2
  and ((a.path > $2 || '/' and a.path < $2 || '0') or (a.path > $2 || '#' and a.path < $2 || '$'))
order by a.slot`;

export async function gather(database: Database, { run, path }: ActivationRef): Promise<Arrival[]> {
  const { rows } = await database.query<{ path: string; result: string | null; output: Buffer | null }>('shared', {
    name: 'gather',
    text: GATHER,
    values: [run, path],
  });
  return rows.map((row) => ({
    path: row.path,
    result: row.result === null ? undefined : (JSON.parse(row.result) as Recipe),
    output: row.output ?? undefined,
  }));
}
