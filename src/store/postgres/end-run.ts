/**
 * Ending a run before its tree ends: a task's final failure, poison, cancel. All of it is control: the run's row
 * is locked exclusively first, and only a later statement looks at the activations, for a sibling's commit that
 * held the lock may have inserted some.
 */
import {
  type ActivationRef,
  isLive,
  type RunKey,
  type SerializedError,
  type SessionKey,
  type StoredRunStatus,
} from '../../core/model.js';
import type { ControlResult, EndedRun, FailResult, Failure } from '../store.js';
import type { Database, Sql } from './database.js';
import { ENDED, type EndedColumns, toEnded } from './rows.js';

const LOCK = 'select status from baton.runs where key = $1 for update';

const FAIL_ROW = `
update baton.activations
set state = 'failed', live = false, error = $5, progress = coalesce($6, progress), finished_at = clock_timestamp()
where run_key = $1 and path = $2 and state = 'leased' and session = $3 and number = $4`;

const FAILED_BEFORE = `
select 1 from baton.activations where run_key = $1 and path = $2 and state = 'failed' and session = $3 and number = $4`;

const FAIL_RUN = `
update baton.runs r
set status = 'failed', error = $2, failed_task = $3, failed_attempt = $4, reason = null, actor = null, finished_at = clock_timestamp()
where key = $1 returning ${ENDED}`;

const CANCEL_RUN = `
update baton.runs r
set status = 'cancelled', reason = $2, actor = $3, finished_at = clock_timestamp()
where key = $1 returning ${ENDED}`;

// A retry finds here where each of them stood. Its waits stay as well: nobody signals an ended run.
const STOP_ROWS = `
update baton.activations a
set state = 'cancelled', live = false, finished_at = clock_timestamp(), stopped_in = a.state,
  stopped_due_at = (select t.due_at from baton.timers t where t.run_key = a.run_key and t.path = a.path)
where run_key = $1 and state not in ('completed', 'failed', 'cancelled')`;

const CANCEL_ROWS = `
update baton.activations
set state = 'cancelled', live = false, finished_at = clock_timestamp()
where run_key = $1 and state not in ('completed', 'failed', 'cancelled')`;

const FORGET_WAITS = 'delete from baton.waits where run_key = $1';

const READ_ENDED = `select ${ENDED} from baton.runs r where key = $1`;

/** Locks a run for control. Undefined: there is no such run. */
export async function lockRun(sql: Sql, run: RunKey): Promise<StoredRunStatus | undefined> {
  const { rows } = await sql.query<{ status: StoredRunStatus }>({ name: 'run.lock', text: LOCK, values: [run] });
  return rows[0]?.status;
}

export async function fail(database: Database, session: SessionKey, failure: Failure): Promise<FailResult> {
  const { run, path, number, error, progress, task, attempt } = failure;
  return database.transaction('shared', async (sql) => {
    const status = await lockRun(sql, run);
    const values = [run, path, session, number, JSON.stringify(error), progress ?? null];
    const row = { name: 'fail.row', text: FAIL_ROW, values };
    if (status !== undefined && isLive(status) && (await sql.query(row)).rowCount === 1) {
      return { kind: 'failed', ended: await failLocked(sql, run, { error, task, attempt }) };
    }
    const before = await sql.query({ name: 'fail.before', text: FAILED_BEFORE, values: [run, path, session, number] });
    if (status !== 'failed' || before.rowCount !== 1) return { kind: 'lost' };
    const { rows } = await sql.query<EndedColumns>({ name: 'run.ended', text: READ_ENDED, values: [run] });
    return { kind: 'failed', ended: toEnded(rows[0] as EndedColumns) };
  });
}

const POISON_ROW = `
update baton.activations a
set state = 'failed', live = false, losses = a.losses + 1, error = $3, finished_at = clock_timestamp()
from baton.sessions s
where a.run_key = $1 and a.path = $2 and a.state = 'leased' and s.key = a.session and s.dead_at is not null
returning a.attempt`;

export async function poison(
  database: Database,
  { run, path }: ActivationRef,
  { error, task }: { readonly error: SerializedError; readonly task: string },
): Promise<EndedRun | undefined> {
  return database.transaction('duty', async (sql) => {
    const status = await lockRun(sql, run);
    if (status === undefined || !isLive(status)) return undefined;
    const { rows } = await sql.query<{ attempt: number }>({
      text: POISON_ROW,
      values: [run, path, JSON.stringify(error)],
    });
    const attempt = rows[0]?.attempt;
    return attempt === undefined ? undefined : failLocked(sql, run, { error, task, attempt });
  });
}

interface RunFailure {
  readonly error: SerializedError;
  readonly task: string;
  readonly attempt: number;
}

async function failLocked(sql: Sql, run: RunKey, { error, task, attempt }: RunFailure): Promise<EndedRun> {
  const values = [run, JSON.stringify(error), task, attempt];
  const { rows } = await sql.query<EndedColumns>({ name: 'fail.run', text: FAIL_RUN, values });
  await sql.query({ name: 'run.stop-rows', text: STOP_ROWS, values: [run] });
  return toEnded(rows[0] as EndedColumns);
}

/** Cancels a run that the transaction has locked. */
export async function cancelLocked(
  sql: Sql,
  run: RunKey,
  { reason, by }: { readonly reason?: string; readonly by?: string },
): Promise<EndedRun> {
  const values = [run, reason ?? null, by ?? null];
  const { rows } = await sql.query<EndedColumns>({ name: 'cancel.run', text: CANCEL_RUN, values });
  await sql.query({ name: 'run.cancel-rows', text: CANCEL_ROWS, values: [run] });
  await sql.query({ name: 'run.forget-waits', text: FORGET_WAITS, values: [run] });
  return toEnded(rows[0] as EndedColumns);
}

export async function cancel(
  database: Database,
  run: RunKey,
  options: { readonly reason?: string; readonly by?: string },
): Promise<ControlResult | undefined> {
  return database.transaction('shared', async (sql) => {
    const status = await lockRun(sql, run);
    if (status === undefined) return undefined;
    if (status === 'cancelled') return { kind: 'done', changed: false, ready: [] };
    if (!isLive(status)) return { kind: 'refused', status };
    return { kind: 'done', changed: true, ready: [], ended: await cancelLocked(sql, run, options) };
  });
}
