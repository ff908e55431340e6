/**
 * A worker's options while it lives. What is to change is checked as a whole, compared with what is, and applied, or
 * nothing is. What was given along and is as it was doesn't matter, so a whole configuration can be read again.
 */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { EngineChanges } from './engine.js';
import { setLevel } from './log-level.js';
import { duration } from './option-values.js';
import { refuseUnknown } from './unknown-options.js';
import {
  OPTIONS,
  type ResolvedOptions,
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

const OF_THE_ENGINE = ['concurrency', 'prefetch', 'leaseTtlMs', 'agingIntervalMs'] as const;

/** Where changes take effect. */
export interface Changeable {
  readonly engine: { reconfigure(changes: EngineChanges): void };
  readonly health: { setInterval(name: string, intervalMs: number): void };
  readonly logger: Logger;
}

export class LiveOptions {
  #given: WorkerOptions;
  #now: ResolvedOptions;

  /** Throws a ConfigError that names the option. */
  constructor(given: WorkerOptions) {
    this.#given = given;
    this.#now = resolveOptions(given);
  }

  get now(): ResolvedOptions {
    return this.#now;
  }

  /** Throws a ConfigError that names what is refused, and nothing has changed then. */
  change(changes: WorkerChanges, { engine, health, logger }: Changeable): void {
    refuseFixed(this.#given, changes);
    const { checkIntervals = {}, ...options } = changes;
    const given = { ...this.#given, ...options };
    // The id may be one that was made up, and stays.
    const next = { ...resolveOptions({ ...given, id: this.#now.id }), checks: this.#now.checks };
    const intervals = intervalsOf(checkIntervals, this.#now);
    const restoreLevel = changes.logLevel === undefined ? () => {} : setLevel(logger, changes.logLevel);
    try {
      reconfigure(engine, this.#now, next);
    } catch (cause) {
      restoreLevel();
      throw new ConfigError('the worker could not take the new options, and keeps the old', { cause });
    }
    for (const [name, intervalMs] of intervals) health.setInterval(name, intervalMs);
    this.#given = given;
    this.#now = next;
  }
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
  refuseUnknown(changes, [SERVICES_CHECK, ...checks.map(({ name }) => name)], 'checkIntervals');
  return Object.entries(changes).map(
    ([name, interval]) => [name, duration(`checkIntervals.${name}`, interval, 0)] as const,
  );
}

/** The engine takes all that differs, or has what it had. */
function reconfigure(engine: Changeable['engine'], before: ResolvedOptions, after: ResolvedOptions): void {
  const differing = OF_THE_ENGINE.filter((option) => after[option] !== before[option]);
  if (differing.length === 0) return;
  const of = (options: ResolvedOptions): EngineChanges =>
    Object.fromEntries(differing.map((option) => [option, options[option]]));
  try {
    engine.reconfigure(of(after));
  } catch (error) {
    engine.reconfigure(of(before));
    throw error;
  }
}
