/** New activations: refused before anything has changed, or put where their state says. */
import type { Path, ReadyActivation, RunKey } from '../../core/model.js';
import { type ActivationRow, StoreRejectedError } from '../store.js';
import { refuseNul } from './refuse.js';
import type { MemoryRow, MemoryRun, MemorySession } from './rows.js';
import { deliver } from './signal.js';
import type { Space } from './space.js';
import { park } from './waits.js';

export interface Born {
  readonly ready: ReadyActivation[];
  /** The one that was leased at once. */
  readonly leased: MemoryRow | undefined;
}

/** @param session who stamps or leases them; undefined for a client */
export function insert(
  space: Space,
  run: MemoryRun,
  activations: readonly ActivationRow[],
  session: MemorySession | undefined,
): Born {
  const request = space.nextKey();
  const ready: ReadyActivation[] = [];
  let leased: MemoryRow | undefined;
  for (const activation of activations) {
    const row = newRow(run, activation);
    space.add(row);
    if (activation.state === 'ready') ready.push(...space.wake(row, session));
    if (activation.dueInMs !== undefined) space.timers.set(row, space.now() + activation.dueInMs);
    if (activation.signal !== undefined) park(row, activation.signal, space.now(), request);
    if (row.state === 'ready' && session !== undefined && activation.leaseNumber !== undefined) {
      ready.pop();
      space.lease(row, session, activation.leaseNumber);
      leased = row;
    }
  }
  for (const { signal } of activations) {
    if (signal !== undefined) ready.push(...(deliver(space, run, signal, session) ?? []));
  }
  return { ready, leased };
}

function newRow(run: MemoryRun, { path, state, queue, source, recipe, input, pending }: ActivationRow): MemoryRow {
  return {
    run,
    path,
    queue,
    // What is to be ready isn't yet: see `Space.wake`.
    state: state === 'ready' ? 'held' : state,
    session: undefined,
    number: 0,
    attempt: 1,
    losses: 0,
    repeats: 0,
    pending: pending ?? null,
    cursor: 0,
    turn: 0,
    source,
    recipe,
    input: input?.slice(),
    output: undefined,
    slot: 0,
    result: null,
    error: undefined,
    progress: null,
    readyAt: undefined,
    publishedAt: 0,
    startedAt: undefined,
    finishedAt: undefined,
    timer: undefined,
    wait: undefined,
    stopped: undefined,
  };
}

/**
 * Refuses what a database would refuse: paths that exist already, and text that it can't hold.
 *
 * @param taken the paths of the batch so far
 */
export function refuseUnfit(
  run: { readonly key: RunKey; readonly rows?: ReadonlyMap<Path, MemoryRow> },
  activations: readonly ActivationRow[],
  taken: Set<string>,
): void {
  for (const { path, signal } of activations) {
    refuseNul(path, signal);
    const name = `${run.key} ${path}`;
    if (run.rows?.has(path) || taken.has(name))
      throw new StoreRejectedError(`run ${run.key} has an activation ${path} already`);
    taken.add(name);
  }
}
