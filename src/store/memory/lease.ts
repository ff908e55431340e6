/** Leasing: only the row's state counts; control has moved it before it acknowledges. */
import type { SessionKey } from '../../core/model.js';
import type { LeasedActivation, LeaseRequest, LeaseResult } from '../store.js';
import { fenced, type MemoryRow, type MemorySession } from './rows.js';
import type { Space } from './space.js';

export function lease(space: Space, key: SessionKey, requests: readonly LeaseRequest[]): LeaseResult[] {
  const session = space.alive(key);
  return requests.map((request) => leaseOne(space, session, request));
}

function leaseOne(space: Space, session: MemorySession, request: LeaseRequest): LeaseResult {
  const row = space.row(request);
  if (row === undefined) return { kind: 'gone' };
  const { number } = request;
  if (row.state === 'ready' || (row.state === 'leased' && fenced(row, session, number))) {
    space.lease(row, session, number);
    return { kind: 'leased', activation: toLeased(row) };
  }
  if (row.state === 'leased') return { kind: 'taken' };
  return { kind: row.state === 'completed' ? 'done' : 'gone' };
}

function toLeased(row: MemoryRow): LeasedActivation {
  const { path, number, attempt, losses, source, recipe, pending, cursor, progress } = row;
  return {
    run: row.run.info.run,
    path,
    number,
    info: row.run.info,
    attempt,
    losses,
    source,
    recipe,
    bytes: inputOf(row)?.slice(),
    pending,
    cursor,
    readyAt: row.readyAt as number,
    progress,
  };
}

/** The bytes of the recipe's sole source, or the row's own. */
function inputOf({ run, source, input }: MemoryRow): Uint8Array | undefined {
  if (source === null) return input;
  return source === '' ? run.input : run.rows.get(source)?.output;
}
