/** Pause and resume: what is ready becomes held, and back. Parked activations stay parked; make-ready holds them later. */
import { isLive, type RunKey } from '../../core/model.js';
import type { ControlResult } from '../store.js';
import type { Space } from './space.js';

export function pause(
  space: Space,
  key: RunKey,
  { reason, by }: { readonly reason?: string; readonly by?: string },
): ControlResult {
  const run = space.run(key);
  if (!isLive(run.status)) return { kind: 'refused', status: run.status };
  if (run.status === 'paused') return { kind: 'done', changed: false, ready: [] };
  run.status = 'paused';
  run.reason = reason;
  run.by = by;
  for (const row of run.open) if (row.state === 'ready') space.move(row, 'held', row.session);
  return { kind: 'done', changed: true, ready: [] };
}

export function resume(space: Space, key: RunKey): ControlResult {
  const run = space.run(key);
  if (!isLive(run.status)) return { kind: 'refused', status: run.status };
  if (run.status === 'running') return { kind: 'done', changed: false, ready: [] };
  run.status = 'running';
  run.reason = undefined;
  run.by = undefined;
  const held = [...run.open].filter((row) => row.state === 'held');
  return {
    kind: 'done',
    changed: true,
    ready: held.flatMap((row) => space.makeReady(row, undefined)),
  };
}
