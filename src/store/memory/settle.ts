/** Leases that end without a completion: backed off, or given back unharmed. */
import type { ReadyActivation, SessionKey } from '../../core/model.js';
import type { BackOff, LeaseRef } from '../store.js';
import { fenced } from './rows.js';
import type { Space } from './space.js';

export function backOff(space: Space, session: SessionKey, requests: readonly BackOff[]): boolean[] {
  return requests.map((request) => {
    const row = space.held(session, request);
    if (row === undefined) {
      // The number stays on the row, so that a repeat knows itself.
      const before = space.row(request);
      return before?.state === 'backing_off' && fenced(before, space.sessions.get(session), request.number);
    }
    row.attempt++;
    row.error = structuredClone(request.error);
    row.progress = request.progress ?? row.progress;
    row.finishedAt = space.now();
    space.move(row, 'backing_off', row.session);
    space.timers.set(row, space.now() + request.delayMs);
    return true;
  });
}

export function handBack(space: Space, session: SessionKey, leases: readonly LeaseRef[]): ReadyActivation[] {
  return leases.flatMap((lease) => {
    const row = space.held(session, lease);
    return row === undefined ? [] : space.makeReady(row, row.session);
  });
}
