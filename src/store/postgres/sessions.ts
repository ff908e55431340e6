/** Sessions: one row per worker process, kept alive by heartbeats and watched through its lock. */
import type pg from 'pg';
import type { SessionKey } from '../../core/model.js';
import {
  type Heartbeat,
  type HeartbeatResult,
  type LeaseRef,
  SessionDeadError,
  type SessionOptions,
  type StoreSession,
  type Told,
} from '../store.js';
import { toldBy } from './claim.js';
import type { Database } from './database.js';
import { SessionLock } from './session-lock.js';
import { handBack, handBackIn } from './settle.js';

const OPEN = `
insert into baton.sessions (namespace, worker_id, host, pid, ttl_until)
values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond') returning key`;

// Whatever the session still has under way holds its row for key share: locked like this, none can lease any more.
// A dead one stays as it is, for the others to sweep.
const LAST_LOOK = 'select key from baton.sessions where key = $1 and closed_at is null and dead_at is null for update';
const LEFT_OVER = `
select run_key as run, path, number::float8 as number from baton.activations where live and state = 'leased' and session = $1`;
const CLOSE = 'update baton.sessions set closed_at = clock_timestamp() where key = $1';

export async function openSession(
  database: Database,
  namespace: string,
  { workerId, ttlMs, host, pid }: SessionOptions,
  onError: (error: Error) => void,
): Promise<StoreSession> {
  const { rows } = await database.query<{ key: string }>('duty', {
    text: OPEN,
    values: [namespace, workerId, host, pid, ttlMs],
  });
  const key = (rows[0] as { key: string }).key;
  const { direct } = database.server;
  if (direct === undefined) return unlockedSession(database, namespace, key);
  const listeners = new Set<(told: Told) => void>();
  const lock = new SessionLock(direct, key, ttlMs, onError, (payload) => {
    const told = toldBy(namespace, payload);
    if (told !== undefined) for (const listener of listeners) listener(told);
  });
  const close = async () => {
    // The row first: a closed session isn't judged when its lock becomes free.
    await closeRow(database, key);
    await lock.close();
  };
  try {
    await lock.open();
  } catch (error) {
    await close().catch(onError);
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    key,
    get locked() {
      return lock.locked;
    },
    onInterrupted: (listener) => lock.onInterrupted(listener),
    onTold: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => (closing ??= close().finally(() => lock.close())),
  };
}

/** Where nobody else can be connected, no lock is needed: whoever opens the server next declares its owner dead. */
function unlockedSession(database: Database, namespace: string, key: SessionKey): StoreSession {
  let closing: Promise<void> | undefined;
  return {
    key,
    locked: true,
    onInterrupted: () => () => {},
    onTold: (listener) =>
      database.server.onNotification?.((payload) => {
        const told = toldBy(namespace, payload);
        if (told !== undefined) listener(told);
      }) ?? (() => {}),
    close: () => (closing ??= closeRow(database, key)),
  };
}

/** There should be no lease left; one that a statement on a cut connection made all the same is given back here. */
async function closeRow(database: Database, key: SessionKey): Promise<void> {
  await database.transaction('duty', async (sql) => {
    const open = await sql.query({ text: LAST_LOOK, values: [key] });
    if (open.rowCount === 0) return;
    const { rows } = await sql.query<LeaseRef & pg.QueryResultRow>({ text: LEFT_OVER, values: [key] });
    await handBackIn(sql, key, rows);
    await sql.query({ text: CLOSE, values: [key] });
  });
}

const BEAT = `
with me as (
  update baton.sessions set ttl_until = clock_timestamp() + $2 * interval '1 millisecond'
  where key = $1 and dead_at is null and closed_at is null returning key)
select (select count(*) from me)::int as alive, h.number::float8 as number,
  case r.status when 'cancelled' then 'cancelled' when 'failed' then 'failed' else 'taken' end as reason
from (select 1) one
left join (
  select h.number, h.run_key
  from unnest($3::bigint[], $4::text[], $5::bigint[]) as h(run_key, path, number)
  left join baton.activations a on a.run_key = h.run_key and a.path = h.path
  where a.state is distinct from 'leased' or a.session is distinct from $1::bigint or a.number is distinct from h.number) h on true
left join baton.runs r on r.key = h.run_key`;

const STRAYS = `
select run_key, path, number::float8 as number from baton.activations
where live and state = 'leased' and session = $1 and number < $2 and number <> all($3::bigint[])`;

const PROGRESS = `
update baton.activations a set progress = h.progress
from unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[]) as h(run_key, path, number, progress)
where a.run_key = h.run_key and a.path = h.path and a.state = 'leased' and a.session = $1 and a.number = h.number`;

interface BeatRow {
  alive: number;
  number: number | null;
  reason: 'cancelled' | 'failed' | 'taken';
}

export async function heartbeat(database: Database, session: SessionKey, beat: Heartbeat): Promise<HeartbeatResult> {
  const { ttlMs, held, known, before } = beat;
  await writeProgress(database, session, held);
  const values = [
    session,
    ttlMs,
    held.map(({ run }) => run),
    held.map(({ path }) => path),
    held.map(({ number }) => number),
  ];
  // On the lane of the leases: nothing there waits for a run's lock, and neither commit has to reach the disk.
  const { rows } = await database.query<BeatRow>('lease', { name: 'heartbeat', text: BEAT, values });
  if (rows[0]?.alive === 0) throw new SessionDeadError(session);
  const strays = await database.query<{ run_key: string; path: string; number: number }>('duty', {
    name: 'heartbeat.strays',
    text: STRAYS,
    values: [session, before, known],
  });
  const leases = strays.rows.map((row) => ({ run: row.run_key, path: row.path, number: row.number }));
  return {
    lost: rows.flatMap(({ number, reason }) => (number === null ? [] : [{ number, reason }])),
    ready: await handBack(database, session, leases),
  };
}

async function writeProgress(database: Database, session: SessionKey, held: Heartbeat['held']): Promise<void> {
  const told = held.filter((lease) => lease.progress !== undefined);
  if (told.length === 0) return;
  await database.query('lease', {
    name: 'heartbeat.progress',
    text: PROGRESS,
    values: [
      session,
      told.map(({ run }) => run),
      told.map(({ path }) => path),
      told.map(({ number }) => number),
      told.map(({ progress }) => progress),
    ],
  });
}
