/** Retrying a failed run: what failed, and what the failure stopped, goes on from where it stood. */
import type { ReadyActivation, RunKey } from '../../core/model.js';
import { TIMED_OUT } from '../../core/recipe.js';
import type { ControlResult } from '../store.js';
import type { MemoryRow } from './rows.js';
import { deliver } from './signal.js';
import type { Space } from './space.js';
import { park } from './waits.js';

export function retry(space: Space, key: RunKey, token: string): ControlResult {
  const run = space.run(key);
  if (run.retryToken === token) return { kind: 'done', changed: false, ready: [] };
  if (run.status !== 'failed') return { kind: 'refused', status: run.status };
  run.retryToken = token;
  run.status = 'running';
  run.failure = undefined;
  run.finishedAt = undefined;
  const rows = [...run.rows.values()].filter((row) => row.state === 'failed' || row.stopped !== undefined);
  const ready = rows.flatMap((row) => reopen(space, row));
  for (const name of run.waits.keys()) ready.push(...(deliver(space, run, name, undefined) ?? []));
  const dueAt = rows.reduce((earliest, { timer }) => Math.min(earliest, timer?.dueAt ?? earliest), Infinity);
  return { kind: 'done', changed: true, ready, ...(dueAt === Infinity ? {} : { dueInMs: dueAt - space.now() }) };
}

function reopen(space: Space, row: MemoryRow): ReadyActivation[] {
  const { stopped } = row;
  Object.assign(row, { stopped: undefined, error: undefined, attempt: 1, losses: 0, finishedAt: undefined });
  switch (stopped?.state) {
    case 'joining':
    case 'queued':
      space.move(row, stopped.state, undefined);
      return [];
    case 'delayed':
    case 'awaiting_signal': {
      const { state, dueAt, wait } = stopped;
      if (dueAt !== undefined && dueAt <= space.now()) return fallDue(space, row, state);
      space.move(row, state, undefined);
      if (dueAt !== undefined) space.timers.set(row, dueAt);
      if (wait !== undefined) park(row, wait.name, wait.parkedAt, wait.request);
      return [];
    }
    default:
      return space.wake(row, undefined);
  }
}

/** Its time came while the run was failed. */
function fallDue(space: Space, row: MemoryRow, state: 'delayed' | 'awaiting_signal'): ReadyActivation[] {
  if (state === 'awaiting_signal') {
    row.source = null;
    row.recipe = JSON.stringify(TIMED_OUT);
  }
  return space.wake(row, undefined);
}
