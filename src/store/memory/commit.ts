/** Committing completions: the row, its successors, its arrival at a join, and the end of the run. */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import type { CommitResult, Completion } from '../store.js';
import { insert, refuseUnfit } from './children.js';
import { releaseElements } from './elements.js';
import { endRun } from './end-run.js';
import { refuseNul } from './refuse.js';
import { fenced, type MemoryRow, type MemorySession, toEnded, toReady } from './rows.js';
import type { Space } from './space.js';

export function commit(
  space: Space,
  key: SessionKey,
  completions: readonly Completion[],
  repeat: boolean,
): CommitResult[] {
  const session = space.alive(key);
  const taken = new Set<string>();
  for (const completion of completions) {
    const row = space.held(key, completion);
    if (row === undefined) continue;
    refuseUnfit({ key: completion.run, rows: row.run.rows }, completion.activate, taken);
    refuseNul(completion.arrive?.result, completion.finish?.recipe);
  }
  return completions.map((completion) => {
    const row = space.held(key, completion);
    if (row !== undefined) return record(space, session, row, completion);
    return (
      (repeat ? recognise(space, session, completion) : undefined) ?? {
        kind: 'lost',
      }
    );
  });
}

function record(space: Space, session: MemorySession, row: MemoryRow, completion: Completion): CommitResult {
  const { run } = row;
  row.output = completion.output?.slice();
  space.move(row, 'completed', session);
  const { ready, leased } = insert(space, run, completion.activate, session);
  if (completion.arrive !== undefined) ready.push(...arrive(space, session, row, completion.arrive));
  if (completion.finish !== undefined) {
    const { source, recipe } = completion.finish;
    run.output = { source, recipe };
    run.reason = undefined;
    run.by = undefined;
    endRun(space, run, 'completed');
  }
  return {
    kind: 'committed',
    ready,
    ...(leased === undefined ? {} : { leased: leased.path, readyAt: leased.readyAt as number }),
    ...(completion.finish === undefined ? {} : { ended: toEnded(run) }),
  };
}

function arrive(
  space: Space,
  session: MemorySession,
  row: MemoryRow,
  { join: path, slot, result, release }: NonNullable<Completion['arrive']>,
): ReadyActivation[] {
  const { run } = row;
  row.slot = slot;
  row.result = result;
  const arrivals = run.arrivals.get(path);
  if (arrivals === undefined) run.arrivals.set(path, [row]);
  else arrivals.push(row);
  const join = run.rows.get(path);
  if (join === undefined || join.pending === null) return [];
  join.pending--;
  // A map that is still being expanded counts along, but can't be complete before its last chunk is in.
  const ready = join.state === 'joining' && join.pending === 0 ? space.wake(join, session) : [];
  return release === undefined ? ready : [...ready, ...releaseElements(space, session, join, 1, release.suffix)];
}

/** A repeat finds its own number on a completed row: committed before, with the successors as they stand now. */
function recognise(space: Space, session: MemorySession, completion: Completion): CommitResult | undefined {
  const row = space.row(completion);
  if (row?.state !== 'completed' || !fenced(row, session, completion.number)) return undefined;
  const { run } = row;
  const paths = [
    ...completion.activate.map(({ path }) => path),
    ...(completion.arrive ? [completion.arrive.join] : []),
  ];
  const successors = paths.flatMap((path) => run.rows.get(path) ?? []);
  const eager = completion.activate.find(({ path, leaseNumber }) => {
    const successor = run.rows.get(path);
    return leaseNumber !== undefined && successor?.state === 'leased' && fenced(successor, session, leaseNumber);
  });
  return {
    kind: 'committed',
    ready: successors.filter(({ state }) => state === 'ready').map(toReady),
    ...(eager === undefined
      ? {}
      : {
          leased: eager.path,
          readyAt: run.rows.get(eager.path)?.readyAt as number,
        }),
    ...(completion.finish !== undefined && run.status === 'completed' ? { ended: toEnded(run) } : {}),
  };
}
