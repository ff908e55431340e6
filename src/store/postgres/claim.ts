/**
 * Runs that were started in a transaction of the caller's. Whoever started them doesn't know when it is committed, so a
 * notification goes with the commit to every session; one of them finds what it made ready, stamps it and publishes it.
 */
import type { ReadyActivation, RunKey, SessionKey } from '../../core/model.js';
import { SessionDeadError, type StartResult, type Told } from '../store.js';
import type { Database } from './database.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

/** The stamp of what nobody has published yet: older than any, so the watermark sees it as well. */
export const UNPUBLISHED = 'to_timestamp(0)';

export const CHANNEL = 'baton';
export const LISTEN = `listen ${CHANNEL}`;
export const NOTIFY = 'select pg_notify($1, $2)';

/** Equal notes of a transaction are one notification. */
export function notes(namespace: string, results: readonly StartResult[]): string[] {
  const started = results.filter((result) => result.kind === 'started');
  const terminated = started.flatMap((result) => result.terminated?.run ?? []);
  return [...(started.length === 0 ? [] : [namespace]), ...terminated.map((run) => `${namespace} ${run}`)];
}

/** What a note says to the sessions of a namespace; undefined: it is for another's. */
export function toldBy(namespace: string, note: string): Told | undefined {
  const [of, run] = note.split(' ') as [string, RunKey | undefined];
  if (of !== namespace) return undefined;
  return run === undefined ? { kind: 'started' } : { kind: 'controlled', run };
}

export async function tell(database: Database, namespace: string, run: RunKey): Promise<void> {
  await database.query('shared', { text: NOTIFY, values: [CHANNEL, `${namespace} ${run}`] });
}

const CLAIM = `
with me as (
  select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share),
unpublished as (
  select a.run_key, a.path from baton.activations a
  where a.live and a.queue = any(array(select key from baton.queues where namespace = $2))
    and a.published_at = ${UNPUBLISHED} and a.state = 'ready' and exists (select from me)
  limit $3 for update of a skip locked),
stamped as (
  update baton.activations a set session = $1, published_at = clock_timestamp()
  from unpublished u where a.run_key = u.run_key and a.path = u.path
  returning a.*)
select (select count(*) from me)::int as alive,
  (select extract(epoch from min(due_at))::float8 * 1000 from baton.timers where namespace = $2) as next_due_at, a.*
from (select 1) one left join (select ${READY} from stamped a) a on true`;

export async function claim(
  database: Database,
  namespace: string,
  session: SessionKey,
  limit: number,
): Promise<{ ready: ReadyActivation[]; nextDueAt: number | undefined }> {
  type Row = { alive: number; next_due_at: number | null } & (ReadyColumns | { run_key: null });
  const { rows } = await database.query<Row>('duty', {
    name: 'claim',
    text: CLAIM,
    values: [session, namespace, limit],
  });
  if (rows[0]?.alive === 0) throw new SessionDeadError(session);
  return {
    ready: rows.flatMap((row) => (row.run_key === null ? [] : [toReady(row)])),
    nextDueAt: rows[0]?.next_due_at ?? undefined,
  };
}
