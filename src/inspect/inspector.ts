/** What `connect({ inspect })` takes besides true and false. */
import type { InspectionEvent, Observer } from 'xstate';
import { ConfigError } from '../core/errors.js';

type Inspect = Observer<InspectionEvent> | ((event: InspectionEvent) => void);

/**
 * Told of everything that the actors of this process do: what XState's own option `inspect` takes, or an object that has
 * one, such as `createWebSocketInspector()` of @statelyai/inspect makes.
 */
export type Inspector = Inspect | { readonly inspect: Inspect };

/** Throws a ConfigError. */
export function observerOf(inspector: Inspector): Observer<InspectionEvent> {
  const inspect =
    typeof inspector === 'object' && inspector !== null && 'inspect' in inspector ? inspector.inspect : inspector;
  if (typeof inspect === 'function') return { next: inspect };
  if (typeof inspect?.next === 'function') return inspect;
  throw new ConfigError(
    'inspect is true, or what the option `inspect` of XState takes: a function, or an observer with next()',
  );
}
