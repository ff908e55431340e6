/** Who is at work, and how much there is to do: for people who ask. */
import type { QueueLoad, SessionView } from '../store.js';
import type { MemorySession } from './rows.js';
import type { Space } from './space.js';

export function sessions(space: Space): SessionView[] {
  const open = [...space.sessions.values()].filter(
    (session) => session.status === 'open' || (session.status === 'dead' && space.dead.has(session)),
  );
  return open.map((session) => {
    const { key, workerId, host, pid, startedAt, ttlUntil } = session;
    return { key, workerId, host, pid, startedAt, ttlUntil, state: stateOf(session, space.now()) };
  });
}

function stateOf({ status, ttlUntil, abandoned }: MemorySession, now: number): SessionView['state'] {
  if (status === 'dead') return 'dead';
  if (ttlUntil < now) return 'silent';
  return abandoned ? 'gone' : 'alive';
}

export function loads(space: Space): QueueLoad[] {
  const live = [...space.runs.values()]
    .flatMap((run) => [...run.open])
    .filter(({ state }) => state === 'ready' || state === 'leased');
  const queues = [...new Set(live.map(({ queue }) => queue))].sort((a, b) => a - b);
  return queues.map((queue) => {
    const rows = live.filter((row) => row.queue === queue);
    const waiting = rows.filter(({ state }) => state === 'ready').map(({ readyAt }) => readyAt ?? Infinity);
    return {
      queue,
      ready: waiting.length,
      leased: rows.length - waiting.length,
      oldestReadyAt: waiting.length === 0 ? undefined : waiting.reduce((a, b) => Math.min(a, b)),
    };
  });
}
