/**
 * A worker's options while it lives. What is to change is checked as a whole, compared with what is, and applied, or
 * nothing is. What was given along and is as it was doesn't matter, so a whole configuration can be read again.
 */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { EngineChanges } from './engine.js';
import { type LogLevel, setLevel } from './log-level.js';
import { refuseUnknown } from './unknown-options.js';
import {
  OPTIONS,
  type ResolvedOptions,
  resolveOptions,
  type WorkerChanges,
  type WorkerOptions,
} from './worker-options.js';

/** What can change, and what it is called when it is resolved. */
const CHANGEABLE = {
  concurrency: 'concurrency',
  prefetch: 'prefetch',
  leaseTtl: 'leaseTtlMs',
  agingInterval: 'agingIntervalMs',
  shutdownTimeout: 'shutdownTimeoutMs',
  logLevel: 'logLevel',
  checkIntervals: 'checkIntervals',
} as const satisfies Record<keyof WorkerChanges, keyof ResolvedOptions>;

const OF_THE_ENGINE = ['concurrency', 'prefetch', 'leaseTtlMs', 'agingIntervalMs'] as const;

/** Where changes take effect. */
export interface Changeable {
  readonly engine: { reconfigure(changes: EngineChanges): void };
  readonly health: { setInterval(name: string, intervalMs: number): void };
  readonly logger: Logger;
  /** The logger's own, where it has one: for a worker without `logLevel`. */
  readonly ownLevel: LogLevel | undefined;
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

  /**
   * Returns what is another now, by name. Throws a ConfigError that names what is refused, and nothing has changed
   * then.
   */
  change(changes: WorkerChanges, { engine, health, logger, ownLevel }: Changeable): string[] {
    refuseFixed(this.#given, changes);
    const before = this.#now;
    const given = withChanges(this.#given, changes);
    // The id may be one that was made up, and stays.
    const after = { ...resolveOptions({ ...given, id: before.id }), checks: before.checks };
    const level = after.logLevel ?? ownLevel;
    const restoreLevel = after.logLevel === before.logLevel || level === undefined ? () => {} : setLevel(logger, level);
    try {
      reconfigure(engine, before, after);
    } catch (cause) {
      restoreLevel();
      throw new ConfigError('the worker could not take the new options, and keeps the old', { cause });
    }
    for (const [name, intervalMs] of Object.entries(after.checkIntervals))
      if (intervalMs !== before.checkIntervals[name]) health.setInterval(name, intervalMs);
    this.#given = given;
    this.#now = after;
    return Object.entries(CHANGEABLE).flatMap(([name, key]) =>
      isDeepStrictEqual(before[key], after[key]) ? [] : [name],
    );
  }
}

function refuseFixed(given: WorkerOptions, changes: WorkerChanges): void {
  refuseUnknown(changes, OPTIONS, 'reload()');
  for (const [key, value] of Object.entries(changes)) {
    if (key in CHANGEABLE || isDeepStrictEqual(value, given[key as keyof WorkerOptions])) continue;
    const what = Object.keys(CHANGEABLE).join(', ');
    throw new ConfigError(`reload() can't change ${key} of a running worker, and changed nothing; it changes ${what}`);
  }
}

function withChanges(given: WorkerOptions, changes: WorkerChanges): WorkerOptions {
  const { checkIntervals } = changes;
  const merged = checkIntervals && { checkIntervals: { ...given.checkIntervals, ...checkIntervals } };
  return { ...given, ...changes, ...merged };
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
