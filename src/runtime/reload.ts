/**
 * Changing a worker while it runs: what is given is checked as a whole, compared with what is, and applied, or
 * nothing is. What was given along and is as it was doesn't matter, so a whole configuration can be read again.
 */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../core/errors.js';
import {
  duration,
  OPTIONS,
  type ResolvedOptions,
  refuseUnknown,
  resolveOptions,
  SERVICES_CHECK,
  type WorkerChanges,
  type WorkerOptions,
} from './worker-options.js';

const CHANGEABLE = [
  'concurrency',
  'prefetch',
  'leaseTtl',
  'agingInterval',
  'shutdownTimeout',
  'logLevel',
  'checkIntervals',
] as const satisfies readonly (keyof WorkerChanges)[];

/** What a worker is from now on. */
export interface Reloaded {
  readonly given: WorkerOptions;
  readonly resolved: ResolvedOptions;
  /** Only those that change, in ms by the name of the check. */
  readonly intervals: ReadonlyMap<string, number>;
}

/** Throws a ConfigError that names what is refused. `given` and `resolved` are as the worker has them now. */
export function planReload(given: WorkerOptions, resolved: ResolvedOptions, changes: WorkerChanges): Reloaded {
  refuseFixed(given, changes);
  const { checkIntervals = {}, ...options } = changes;
  const next = { ...given, ...options };
  // The id may be one that was made up, and stays.
  return {
    given: next,
    resolved: { ...resolveOptions({ ...next, id: resolved.id }), checks: resolved.checks },
    intervals: intervalsOf(checkIntervals, resolved),
  };
}

function refuseFixed(given: WorkerOptions, changes: WorkerChanges): void {
  refuseUnknown(changes, [...OPTIONS, 'checkIntervals'], 'reload()');
  for (const [key, value] of Object.entries(changes)) {
    if ((CHANGEABLE as readonly string[]).includes(key)) continue;
    if (isDeepStrictEqual(value, given[key as keyof WorkerOptions])) continue;
    throw new ConfigError(
      `reload() can't change ${key} of a running worker, and changed nothing; it changes ${CHANGEABLE.join(', ')}`,
    );
  }
}

function intervalsOf(changes: NonNullable<WorkerChanges['checkIntervals']>, { checks }: ResolvedOptions) {
  const names = [SERVICES_CHECK, ...checks.map(({ name }) => name)];
  refuseUnknown(changes, names, 'checkIntervals');
  return new Map(
    Object.entries(changes).map(([name, interval]) => [name, duration(`checkIntervals.${name}`, interval, 0)]),
  );
}
