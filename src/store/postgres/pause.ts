/** Pause and resume: what is ready becomes held, and back. Parked activations stay parked; make-ready holds them later. */
import { isLive, type RunKey } from '../../core/model.js';
import type { ControlResult } from '../store.js';
import type { Database } from './database.js';
import { lockRun } from './end-run.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

const PAUSE_RUN = `update baton.runs set status = 'paused', reason = $2, actor = $3 where key = $1`;
const RESUME_RUN = `update baton.runs set status = 'running', reason = null, actor = null where key = $1`;
const HOLD = `update baton.activations set state = 'held', live = false where run_key = $1 and state = 'ready'`;
const RELEASE = `
update baton.activations a
set state = 'ready', live = true, session = null, repeats = 0, ready_at = coalesce(a.ready_at, clock_timestamp()),
  published_at = clock_timestamp()
where run_key = $1 and state = 'held' returning ${READY}`;

export async function pause(
  database: Database,
  run: RunKey,
  { reason, by }: { readonly reason?: string; readonly by?: string },
): Promise<ControlResult | undefined> {
  return database.transaction('shared', async (sql) => {
    const status = await lockRun(sql, run);
    if (status === undefined) return undefined;
    if (!isLive(status)) return { kind: 'refused', status };
    if (status === 'paused') return { kind: 'done', changed: false, ready: [] };
    await sql.query({ text: PAUSE_RUN, values: [run, reason ?? null, by ?? null] });
    await sql.query({ text: HOLD, values: [run] });
    return { kind: 'done', changed: true, ready: [] };
  });
}

export async function resume(database: Database, run: RunKey): Promise<ControlResult | undefined> {
  return database.transaction('shared', async (sql) => {
    const status = await lockRun(sql, run);
    if (status === undefined) return undefined;
    if (!isLive(status)) return { kind: 'refused', status };
    if (status === 'running') return { kind: 'done', changed: false, ready: [] };
    await sql.query({ text: RESUME_RUN, values: [run] });
    const { rows } = await sql.query<ReadyColumns>({ text: RELEASE, values: [run] });
    return { kind: 'done', changed: true, ready: rows.map(toReady) };
  });
}
