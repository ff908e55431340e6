/** What any worker does for all of them: dead sessions, due timers and owed messages. */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import { TIMED_OUT } from '../../core/recipe.js';
import type { LookRequest, LookResult, SweepResult } from '../store.js';
import type { MemoryRow, MemorySession } from './rows.js';
import type { Space } from './space.js';

/** How long a replaced message isn't replaced again: 5 s, doubling to 60 s. */
const quietMs = (repeats: number): number => Math.min(60_000, 5_000 * 2 ** (repeats - 1));

export function look(space: Space, key: SessionKey | undefined, { owed }: LookRequest): LookResult {
  const now = space.now();
  const others = [...space.sessions.values()].filter((other) => other.status === 'open' && other.key !== key);
  return {
    now,
    expired: others.filter((other) => other.ttlUntil < now).map((other) => other.key),
    unlocked: others.filter((other) => other.abandoned).map((other) => other.key),
    mayJudge: true,
    sweep: [...space.dead].some((session) => session.rows.size > 0),
    nextDueAt: space.timers.earliest(),
    owed: owed.filter((queue) => !lost(space, queue).next().done).map(({ queue }) => queue),
    queues: [...space.queues.values()].reduce((sum, { key }) => sum + key, 0),
  };
}

export function judge(space: Space, suspects: readonly SessionKey[]): SessionKey[] {
  return suspects.filter((key) => {
    const session = space.sessions.get(key);
    if (session?.status !== 'open' || !(session.abandoned || session.ttlUntil < space.now())) return false;
    session.status = 'dead';
    space.dead.add(session);
    return true;
  });
}

export function sweep(
  space: Space,
  key: SessionKey,
  { limit, poisonAt }: { readonly limit: number; readonly poisonAt: number },
): SweepResult {
  const me = space.alive(key);
  const found = [...space.dead].flatMap((session) => [...session.rows]);
  const isPoison = (row: MemoryRow) => row.state === 'leased' && row.losses + 1 >= poisonAt;
  const ready = found
    .filter((row) => !isPoison(row))
    .slice(0, limit)
    .flatMap((row) => takeBack(space, row, me));
  for (const session of space.dead) if (session.rows.size === 0) space.dead.delete(session);
  return {
    ready,
    poisoned: found.filter(isPoison).map(({ run, path }) => ({ run: run.info.run, path })),
  };
}

function takeBack(space: Space, row: MemoryRow, session: MemorySession): ReadyActivation[] {
  if (row.state === 'leased') row.losses++;
  return space.makeReady(row, session);
}

export function fireTimers(
  space: Space,
  key: SessionKey,
  limit: number,
): { ready: ReadyActivation[]; nextDueAt: number | undefined } {
  const session = space.alive(key);
  const ready: ReadyActivation[] = [];
  for (let fired = 0; fired < limit; fired++) {
    const row = space.timers.takeDue(space.now());
    if (row === undefined) break;
    if (row.state === 'awaiting_signal') {
      row.source = null;
      row.recipe = JSON.stringify(TIMED_OUT);
    }
    ready.push(...space.wake(row, session));
  }
  return { ready, nextDueAt: space.timers.earliest() };
}

export function restamp(space: Space, key: SessionKey, owed: LookRequest['owed'], limit: number): ReadyActivation[] {
  const session = space.alive(key);
  const rows: MemoryRow[] = [];
  for (const queue of owed) {
    for (const row of lost(space, queue)) {
      if (rows.length === limit) break;
      rows.push(row);
    }
  }
  return rows.map((row) => {
    row.repeats++;
    return space.restamp(row, session);
  });
}

/** Ready rows of a queue whose message was lost or never published. */
function* lost(space: Space, { queue, publishedBefore }: LookRequest['owed'][number]): Generator<MemoryRow> {
  const now = space.now();
  for (const row of space.readyRows(queue)) {
    if (row.publishedAt >= publishedBefore) return;
    if (row.repeats === 0 || row.publishedAt < now - quietMs(row.repeats)) yield row;
  }
}
