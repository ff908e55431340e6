/** Elements of a map: going in by chunks, and, under a limit, becoming ready one after the other. */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import { roundPath } from '../../core/path.js';
import type { ExpandResult, Expansion } from '../store.js';
import { insert, refuseUnfit } from './children.js';
import { fenced, type MemoryRow, type MemorySession } from './rows.js';
import type { Space } from './space.js';

export function expand(space: Space, key: SessionKey, expansion: Expansion): ExpandResult {
  const session = space.alive(key);
  const { run, activate, from, next, total, release } = expansion;
  const map = space.held(key, expansion);
  if (map === undefined || map.cursor !== from) return standsAt(space, session, expansion);
  refuseUnfit({ key: run, rows: map.run.rows }, activate, new Set());
  map.cursor = next;
  map.pending ??= total;
  if (next === total) space.move(map, 'joining', session);
  const { ready } = insert(space, map.run, activate, session);
  if (release !== undefined) ready.push(...releaseElements(space, session, map, release.running, release.suffix));
  return { kind: 'expanded', ready };
}

/** A repeated chunk that is in already: its messages are the watermark's. */
function standsAt(space: Space, session: MemorySession, expansion: Expansion): ExpandResult {
  const row = space.row(expansion);
  const known = row !== undefined && fenced(row, session, expansion.number) && row.cursor >= expansion.next;
  const goesOn = row?.state === 'leased' || row?.state === 'joining';
  return known && goesOn ? { kind: 'expanded', ready: [] } : { kind: 'lost' };
}

/** Makes the next `count` queued elements of a limited map ready. */
export function releaseElements(
  space: Space,
  session: MemorySession,
  map: MemoryRow,
  count: number,
  suffix: string,
): ReadyActivation[] {
  const ready: ReadyActivation[] = [];
  for (const end = map.turn + count; map.turn < end; map.turn++) {
    const element = map.run.rows.get(`${roundPath(map.path, map.turn)}${suffix}`);
    if (element?.state === 'queued') ready.push(...space.wake(element, session));
  }
  return ready;
}
