/** Ending a run before its tree ends: a task's final failure, poison, cancel. */
import { type ActivationRef, isLive, type RunKey, type SerializedError, type SessionKey } from '../../core/model.js';
import type { ControlResult, EndedRun, FailResult, Failure } from '../store.js';
import { fenced, type MemoryRow, type MemoryRun, type RunFailure, toEnded } from './rows.js';
import type { Space } from './space.js';

export function fail(space: Space, session: SessionKey, failure: Failure): FailResult {
  const { error, task, attempt, number } = failure;
  const row = space.held(session, failure);
  if (row !== undefined) {
    row.progress = failure.progress ?? row.progress;
    return { kind: 'failed', ended: failWith(space, row, { error, task, attempt }) };
  }
  const before = space.row(failure);
  const known = before?.state === 'failed' && fenced(before, space.sessions.get(session), number);
  return known && before.run.status === 'failed' ? { kind: 'failed', ended: toEnded(before.run) } : { kind: 'lost' };
}

export function poison(
  space: Space,
  ref: ActivationRef,
  { error, task }: { readonly error: SerializedError; readonly task: string },
): EndedRun | undefined {
  const row = space.row(ref);
  if (row?.state !== 'leased' || row.session?.status !== 'dead') return undefined;
  row.losses++;
  return failWith(space, row, { error, task, attempt: row.attempt });
}

function failWith(space: Space, row: MemoryRow, failure: RunFailure): EndedRun {
  const { run } = row;
  row.error = structuredClone(failure.error);
  space.move(row, 'failed', row.session);
  run.failure = { ...failure, error: row.error };
  run.reason = undefined;
  run.by = undefined;
  for (const open of run.open) open.stopped = { state: open.state, dueAt: open.timer?.dueAt, wait: open.wait };
  endRun(space, run, 'failed');
  return toEnded(run);
}

export function cancel(
  space: Space,
  key: RunKey,
  { reason, by }: { readonly reason?: string; readonly by?: string },
): ControlResult {
  const run = space.run(key);
  if (run.status === 'cancelled') return { kind: 'done', changed: false, ready: [] };
  if (!isLive(run.status)) return { kind: 'refused', status: run.status };
  run.reason = reason;
  run.by = by;
  endRun(space, run, 'cancelled');
  return { kind: 'done', changed: true, ready: [], ended: toEnded(run) };
}

/** What is still open of it is cancelled: nothing of it will be leased. */
export function endRun(space: Space, run: MemoryRun, status: EndedRun['status']): void {
  run.status = status;
  run.finishedAt = space.now();
  for (const row of [...run.open]) space.move(row, 'cancelled', row.session);
}
