/** Who is at work, and how much there is to do: for people who ask. */
import type { QueueLoad, SessionView } from '../store.js';
import type { Database } from './database.js';
import { lockIsFree } from './session-lock.js';

const SESSIONS = `
select s.key, s.worker_id as "workerId", s.host, s.pid,
  extract(epoch from s.started_at)::float8 * 1000 as "startedAt",
  extract(epoch from s.ttl_until)::float8 * 1000 as "ttlUntil",
  case when s.dead_at is not null then 'dead' when s.ttl_until < clock_timestamp() then 'silent'
    when ${lockIsFree('s')} then 'gone' else 'alive' end as state
from baton.sessions s
where s.namespace = $1 and s.closed_at is null and s.swept_at is null
order by s.key`;

export async function sessions(database: Database, namespace: string): Promise<SessionView[]> {
  const { rows } = await database.query<SessionView>('shared', { text: SESSIONS, values: [namespace] });
  return rows;
}

const LOADS = `
select a.queue, (count(*) filter (where a.state = 'ready'))::float8 as ready,
  (count(*) filter (where a.state = 'leased'))::float8 as leased,
  extract(epoch from min(a.ready_at) filter (where a.state = 'ready'))::float8 * 1000 as "oldestReadyAt"
from baton.activations a
where a.live and a.queue = any(array(select q.key from baton.queues q where q.namespace = $1))
group by a.queue order by a.queue`;

export async function loads(database: Database, namespace: string): Promise<QueueLoad[]> {
  const { rows } = await database.query<Omit<QueueLoad, 'oldestReadyAt'> & { oldestReadyAt: number | null }>('shared', {
    text: LOADS,
    values: [namespace],
  });
  return rows.map((row) => ({ ...row, oldestReadyAt: row.oldestReadyAt ?? undefined }));
}
