/** Signals: a sender and whoever parks look for each other, and the earliest of both meet. */
import { isLive, type ReadyActivation } from '../../core/model.js';
import type { SignalRequest, SignalResult } from '../store.js';
import { refuseNul } from './refuse.js';
import type { Mailbox, MemoryRun, MemorySession } from './rows.js';
import type { Space } from './space.js';

export function signal(space: Space, { run: key, name, id, payload }: SignalRequest): SignalResult {
  const run = space.run(key);
  if (!isLive(run.status)) return { kind: 'refused', status: run.status };
  refuseNul(name, id);
  const { buffered, ids } = mailbox(run, name);
  if (id !== null && ids.has(id)) return { kind: 'duplicate', ready: [] };
  if (id !== null) ids.add(id);
  buffered.push(payload.slice());
  const ready = deliver(space, run, name, undefined);
  return {
    kind: ready === undefined ? 'buffered' : 'delivered',
    ready: ready ?? [],
  };
}

/** Undefined: there is no pair. An empty list: the waiter is held, for the run is paused. */
export function deliver(
  space: Space,
  run: MemoryRun,
  name: string,
  session: MemorySession | undefined,
): ReadyActivation[] | undefined {
  const wait = run.waits.get(name)?.[0];
  const payload = wait === undefined ? undefined : run.mail.get(name)?.buffered.shift();
  if (wait === undefined || payload === undefined) return undefined;
  const { row } = wait;
  row.source = null;
  row.recipe = null;
  row.input = payload;
  return space.wake(row, session);
}

function mailbox(run: MemoryRun, name: string): Mailbox {
  let box = run.mail.get(name);
  if (box === undefined) {
    box = { buffered: [], ids: new Set() };
    run.mail.set(name, box);
  }
  return box;
}
