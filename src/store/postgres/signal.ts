/** Signals: the sender and whoever parks both hold the run's lock, and only then look for each other. */
import { isLive, type ReadyActivation, type RunKey, type SessionKey, type StoredRunStatus } from '../../core/model.js';
import type { SignalRequest, SignalResult } from '../store.js';
import type { Database, Sql } from './database.js';
import { READY, type ReadyColumns, toReady } from './rows.js';

const LOCK = 'select status from baton.runs where key = $1 for no key update';

const BUFFER = `
insert into baton.signals (run_key, name, id, payload) values ($1, $2, $3, $4)
on conflict (run_key, name, id) where id is not null do nothing`;

// Earliest wait and earliest signal of the name, if there are both. The payload moves into the waiter's row.
const DELIVER = `
with sent as (
  select key, payload from baton.signals
  where run_key = $1 and name = $2 and consumed_by is null order by key limit 1),
wait as (
  select path from baton.waits where run_key = $1 and name = $2 order by parked_at, rank limit 1),
pair as (select sent.key, sent.payload, wait.path from sent, wait),
taken as (
  update baton.signals s set consumed_by = pair.path, payload = null from pair where s.key = pair.key),
forgotten as (
  delete from baton.waits w using pair where w.run_key = $1 and w.name = $2 and w.path = pair.path)
update baton.activations a
set state = case r.status when 'paused' then 'held' else 'ready' end, live = r.status <> 'paused', session = $3,
  repeats = 0, source = null, recipe = null, input = pair.payload, ready_at = clock_timestamp(), published_at = clock_timestamp()
from pair, baton.runs r
where r.key = $1 and a.run_key = $1 and a.path = pair.path and a.state = 'awaiting_signal'
returning a.state, ${READY}`;

export async function signal(database: Database, request: SignalRequest): Promise<SignalResult | undefined> {
  const { run, name, id, payload } = request;
  return database.transaction('shared', async (sql) => {
    const { rows } = await sql.query<{ status: StoredRunStatus }>({
      name: 'signal.lock',
      text: LOCK,
      values: [run],
    });
    const status = rows[0]?.status;
    if (status === undefined) return undefined;
    if (!isLive(status)) return { kind: 'refused', status };
    const buffered = await sql.query({ name: 'signal.buffer', text: BUFFER, values: [run, name, id, payload] });
    if (buffered.rowCount === 0) return { kind: 'duplicate', ready: [] };
    const delivered = await deliver(sql, null, run, name);
    return { kind: delivered === undefined ? 'buffered' : 'delivered', ready: delivered ?? [] };
  });
}

/** A wait of this name was just parked: if a signal came before it, it wakes at once. */
export async function deliverBuffered(
  sql: Sql,
  session: SessionKey | null,
  run: RunKey,
  name: string,
): Promise<ReadyActivation[]> {
  return (await deliver(sql, session, run, name)) ?? [];
}

/** Undefined: there is no pair. An empty list: the waiter is held, for the run is paused. */
async function deliver(
  sql: Sql,
  session: SessionKey | null,
  run: RunKey,
  name: string,
): Promise<ReadyActivation[] | undefined> {
  const { rows } = await sql.query<ReadyColumns & { state: string }>({
    name: 'signal.deliver',
    text: DELIVER,
    values: [run, name, session],
  });
  return rows.length === 0 ? undefined : rows.filter((row) => row.state === 'ready').map(toReady);
}
