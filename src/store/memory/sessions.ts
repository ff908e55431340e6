/** Sessions of worker processes, and their heartbeats. */
import type { RunKey, SessionKey } from '../../core/model.js';
import type { Heartbeat, HeartbeatResult, SessionOptions, StoreSession } from '../store.js';
import type { MemorySession } from './rows.js';
import { handBack } from './settle.js';
import type { Space } from './space.js';

export function openSession(space: Space, { workerId, ttlMs, host, pid }: SessionOptions): StoreSession {
  const key = String(space.nextKey());
  const session: MemorySession = {
    key,
    workerId,
    host,
    pid,
    startedAt: space.now(),
    rows: new Set(),
    ttlUntil: space.now() + ttlMs,
    status: 'open',
    abandoned: false,
    listeners: new Set(),
  };
  space.sessions.set(key, session);
  return {
    key,
    locked: true,
    // Memory is never out of reach.
    onInterrupted: () => () => {},
    onTold: (listener) => {
      session.listeners.add(listener);
      return () => session.listeners.delete(listener);
    },
    close: async () => closeSession(space, session),
  };
}

export function tell(space: Space, run: RunKey): void {
  for (const { listeners } of space.sessions.values())
    for (const listener of listeners) listener({ kind: 'controlled', run });
}

function closeSession(space: Space, session: MemorySession): void {
  if (session.status !== 'open') return;
  session.status = 'closed';
  // There should be no lease left; one that is there all the same must not be lost.
  for (const row of [...session.rows]) if (row.state === 'leased') space.makeReady(row, undefined);
}

export function heartbeat(space: Space, key: SessionKey, beat: Heartbeat): HeartbeatResult {
  const session = space.alive(key);
  session.ttlUntil = space.now() + beat.ttlMs;
  const lost: HeartbeatResult['lost'][number][] = [];
  for (const { progress, ...lease } of beat.held) {
    const row = space.held(key, lease);
    if (row === undefined) lost.push({ number: lease.number, reason: reasonOf(space, lease.run) });
    else if (progress !== undefined) row.progress = progress;
  }
  const known = new Set(beat.known);
  const strays = [...session.rows].filter(
    ({ state, number }) => state === 'leased' && number < beat.before && !known.has(number),
  );
  const ready = handBack(
    space,
    key,
    strays.map(({ run, path, number }) => ({
      run: run.info.run,
      path,
      number,
    })),
  );
  return { lost, ready };
}

function reasonOf(space: Space, run: string): 'cancelled' | 'failed' | 'taken' {
  const status = space.runs.get(run)?.status;
  return status === 'cancelled' || status === 'failed' ? status : 'taken';
}
