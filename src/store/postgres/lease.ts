/** Leasing: one statement for a batch. Only the row's state counts; control has moved it before it acknowledges. */
import type { SessionKey } from '../../core/model.js';
import type { LeasedActivation, LeaseRequest, LeaseResult } from '../store.js';
import { SessionDeadError } from '../store.js';
import type { Database } from './database.js';

// A repeated request finds its own number on the row and has it again. The input comes along where one stored
// value is all it needs; what it refers to is final, so an unlocked read is enough.
const LEASE = `
with me as (
  select key from baton.sessions where key = $1 and dead_at is null and closed_at is null for key share),
req as (
  select * from unnest($2::bigint[], $3::text[], $4::bigint[]) with ordinality as q(run_key, path, number, ord)),
leased as (
  update baton.activations a
  set state = 'leased', session = $1, number = req.number, started_at = clock_timestamp()
  from req, me
  where a.run_key = req.run_key and a.path = req.path
    and (a.state = 'ready' or (a.state = 'leased' and a.session = $1 and a.number = req.number))
  returning req.ord, a.run_key, a.attempt, a.losses, a.source, a.recipe, a.input, a.pending, a.cursor, a.progress,
    extract(epoch from a.ready_at)::float8 * 1000 as ready_at)
select req.ord::int as ord, l.ord is not null as leased, other.state, (select count(*) from me)::int as alive,
  l.attempt, l.losses, l.source, l.recipe, l.pending, l.cursor, l.progress, l.ready_at,
  r.id, r.workflow, r.hash, r.priority, r.metadata, r.reply_to,
  case
    when l.source is null then l.input
    when l.source = '' then r.input
    else (select s.output from baton.activations s where s.run_key = l.run_key and s.path = l.source)
  end as bytes
from req
left join leased l on l.ord = req.ord
left join baton.runs r on r.key = l.run_key
left join baton.activations other on l.ord is null and other.run_key = req.run_key and other.path = req.path
order by req.ord`;

interface LeaseRow extends Omit<LeasedActivation, 'info' | 'readyAt' | 'bytes'> {
  leased: boolean;
  state: string | null;
  alive: number;
  ready_at: number;
  id: string;
  workflow: string;
  hash: string;
  priority: LeasedActivation['info']['priority'];
  metadata: string | null;
  reply_to: string | null;
  bytes: Buffer | null;
}

export async function lease(
  database: Database,
  session: SessionKey,
  requests: readonly LeaseRequest[],
): Promise<LeaseResult[]> {
  const { rows } = await database.query<LeaseRow>('lease', {
    name: 'lease',
    text: LEASE,
    values: [
      session,
      requests.map((request) => request.run),
      requests.map((request) => request.path),
      requests.map((request) => request.number),
    ],
  });
  if (rows.length > 0 && rows[0]?.alive === 0) throw new SessionDeadError(session);
  return rows.map((row, i) => toResult(row, requests[i] as LeaseRequest));
}

function toResult(row: LeaseRow, request: LeaseRequest): LeaseResult {
  if (!row.leased) {
    if (row.state === 'completed') return { kind: 'done' };
    // `ready` in this statement's snapshot and yet not ours: somebody leased it in the meantime.
    return { kind: row.state === 'leased' || row.state === 'ready' ? 'taken' : 'gone' };
  }
  const { run, path, number } = request;
  const { id, workflow, hash, priority, metadata, reply_to: replyTo } = row;
  return {
    kind: 'leased',
    activation: {
      run,
      path,
      number,
      info: { run, id, workflow, hash, priority, metadata, replyTo },
      attempt: row.attempt,
      losses: row.losses,
      source: row.source,
      recipe: row.recipe,
      bytes: row.bytes ?? undefined,
      pending: row.pending,
      cursor: row.cursor,
      readyAt: row.ready_at,
      progress: row.progress,
    },
  };
}
