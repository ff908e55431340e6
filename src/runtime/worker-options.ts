/** What a worker is told: the options, their defaults, and what is refused. */
import { hostname } from 'node:os';
import { toTags } from '../core/definition/policy.js';
import { isWorkflow } from '../core/definition/workflow.js';
import type { Duration } from '../core/duration.js';
import { ConfigError } from '../core/errors.js';
import type { Workflow } from '../core/flow.js';
import type { HealthCheck, ResolvedCheck } from './health.js';
import { HOOK_NAMES, type Hooks } from './hooks.js';
import { type HttpOptions, type ResolvedHttp, resolveHttp } from './http/http-options.js';
import { LOG_LEVELS, type LogLevel } from './log-level.js';
import { duration, integer, shown, text } from './option-values.js';
import { refuseUnknown } from './unknown-options.js';

/** What a worker runs, and how. Only `workflows` is needed. */
export interface WorkerOptions {
  /** What it can run, at least one. It takes work of exactly these structures. */
  readonly workflows: readonly Workflow[];
  /** Its name in logs and descriptions, 1 to 256 characters. @default `${hostname}-${pid}-${n}` */
  readonly id?: string;
  /** Tasks at a time, 1 to 10,000. @default 10 */
  readonly concurrency?: number;
  /** Messages that it holds of each queue, 1 to 65,535. @default its own measure, somewhat more than `concurrency` */
  readonly prefetch?: number;
  /** Takes tagged tasks only where all their tags are among these; none: takes all. At most 20, of 1 to 64 characters. */
  readonly tags?: readonly string[];
  /** After this long without a sign of life its tasks run elsewhere; at least 100 ms. @default 30 s */
  readonly leaseTtl?: Duration;
  /** A task that waited this long counts as one priority level more urgent; at least 1 s. @default 5 min */
  readonly agingInterval?: Duration;
  /**
   * For the whole stop, hooks included. The last fifth of it, at most 5 s, is kept for handing back, hooks and
   * closing, which have 1 s even if less was given; 0 waits for no task. @default 25 s
   */
  readonly shutdownTimeout?: Duration;
  /** For the whole start-up; then it is unwound and fails. Above 0. @default 30 s */
  readonly startupTimeout?: Duration;
  /** For each hook and each cleanup. Above 0. @default 10 s */
  readonly hookTimeout?: Duration;
  /**
   * While it lives, SIGTERM and SIGINT stop it; a second one doesn't wait for tasks, a third ends the process at once.
   * SIGHUP and SIGUSR1 reload what `reload` returns. The process exits with 1 when the worker ends in error.
   * @default false
   */
  readonly handleSignals?: boolean | { readonly reload?: () => WorkerChanges | Promise<WorkerChanges> };
  readonly hooks?: Hooks;
  readonly checks?: readonly HealthCheck[];
  /** How often checks are asked, by name, instead of their own `interval`; `services` (30 s) is one of them. */
  readonly checkIntervals?: Readonly<Record<string, Duration | undefined>>;
  /**
   * Answers `/livez`, `/readyz`, `/startupz` and `/metrics` from the first step of its start to the last of its stop.
   * Takes `fastify` and `prom-client`, which you install beside. @default false
   */
  readonly http?: HttpOptions | false;
  /** Of the worker's own logger, where it has levels (pino has). @default the logger's */
  readonly logLevel?: LogLevel;
}

/** What can change while it runs. A check whose interval is undefined has its own again. */
export type WorkerChanges = Pick<
  WorkerOptions,
  'concurrency' | 'prefetch' | 'leaseTtl' | 'agingInterval' | 'shutdownTimeout' | 'logLevel' | 'checkIntervals'
>;

/** Checked, with every default filled in. */
export interface ResolvedOptions {
  readonly workflows: readonly Workflow[];
  readonly id: string;
  readonly concurrency: number;
  readonly prefetch: number | undefined;
  readonly tags: readonly string[];
  readonly leaseTtlMs: number;
  readonly agingIntervalMs: number;
  readonly shutdownTimeoutMs: number;
  readonly startupTimeoutMs: number;
  readonly hookTimeoutMs: number;
  readonly handleSignals: NonNullable<WorkerOptions['handleSignals']>;
  readonly hooks: Hooks;
  readonly checks: readonly ResolvedCheck[];
  /** Of every check, by name. */
  readonly checkIntervals: Readonly<Record<string, number>>;
  readonly http: ResolvedHttp | undefined;
  readonly logLevel: LogLevel | undefined;
}

/** The name of the worker's own check. */
export const SERVICES_CHECK = 'services';
const SERVICES_INTERVAL_MS = 30_000;

/** Every option there is. */
export const OPTIONS = [
  'workflows',
  'id',
  'concurrency',
  'prefetch',
  'tags',
  'leaseTtl',
  'agingInterval',
  'shutdownTimeout',
  'startupTimeout',
  'hookTimeout',
  'handleSignals',
  'hooks',
  'checks',
  'checkIntervals',
  'http',
  'logLevel',
] as const satisfies readonly (keyof WorkerOptions)[];

const CHECK_OPTIONS = [
  'name',
  'check',
  'critical',
  'interval',
  'timeout',
  'failureThreshold',
  'successThreshold',
] as const satisfies readonly (keyof HealthCheck)[];

const MOST_TASKS = 10_000;
/** AMQP counts prefetch in 16 bits. */
const MOST_PREFETCH = 65_535;
/** Of a check, in a row. */
const MOST_ANSWERS = 100;

let made = 0;

/** Throws a ConfigError that names the option. */
export function resolveOptions(options: WorkerOptions): ResolvedOptions {
  refuseUnknown(options, OPTIONS, 'a worker');
  const { prefetch, logLevel, handleSignals = false } = options;
  const resolvedChecks = checks(options.checks ?? []);
  return {
    workflows: workflows(options.workflows),
    id: options.id === undefined ? `${hostname()}-${process.pid}-${++made}` : text('id', options.id),
    concurrency: integer('concurrency', options.concurrency ?? 10, MOST_TASKS),
    prefetch: prefetch === undefined ? undefined : integer('prefetch', prefetch, MOST_PREFETCH),
    tags: tags(options.tags),
    leaseTtlMs: duration('leaseTtl', options.leaseTtl ?? '30s', 100),
    agingIntervalMs: duration('agingInterval', options.agingInterval ?? '5m', 1_000, Number.POSITIVE_INFINITY),
    shutdownTimeoutMs: duration('shutdownTimeout', options.shutdownTimeout ?? '25s', 0),
    startupTimeoutMs: duration('startupTimeout', options.startupTimeout ?? '30s', 1),
    hookTimeoutMs: duration('hookTimeout', options.hookTimeout ?? '10s', 1),
    handleSignals: signals(handleSignals),
    hooks: hooks(options.hooks ?? {}),
    checks: resolvedChecks,
    checkIntervals: intervals(options.checkIntervals ?? {}, resolvedChecks),
    http: options.http ? resolveHttp(options.http) : undefined,
    logLevel: logLevel === undefined ? undefined : level(logLevel),
  };
}

function workflows(given: readonly Workflow[]): readonly Workflow[] {
  if (Array.isArray(given) && given.length > 0 && given.every(isWorkflow)) return [...given];
  throw new ConfigError('workflows: give a list with at least one built workflow; a Flow becomes one by .build()');
}

function tags(given: readonly string[] | undefined): readonly string[] {
  try {
    return toTags(given, 'tags');
  } catch (cause) {
    throw new ConfigError((cause as Error).message, { cause });
  }
}

function signals(given: NonNullable<WorkerOptions['handleSignals']>): NonNullable<WorkerOptions['handleSignals']> {
  if (typeof given === 'boolean') return given;
  refuseUnknown(given, ['reload'], 'handleSignals');
  if (given.reload === undefined || typeof given.reload === 'function') return given;
  throw new ConfigError('handleSignals.reload: give a function that returns what to change');
}

function hooks(given: Hooks): Hooks {
  refuseUnknown(given, HOOK_NAMES, 'hooks');
  for (const name of HOOK_NAMES) {
    if ([given[name] ?? []].flat().every((hook) => typeof hook === 'function')) continue;
    throw new ConfigError(`hooks.${name}: give a function or a list of functions`);
  }
  return given;
}

function checks(given: readonly HealthCheck[]): ResolvedCheck[] {
  if (!Array.isArray(given)) throw new ConfigError('checks: give a list of checks');
  const names = new Set([SERVICES_CHECK]);
  return given.map((one, i) => {
    const where = `checks[${i}]`;
    refuseUnknown(one, CHECK_OPTIONS, where);
    const { name, check, critical = true, interval = '30s', timeout = '10s' } = one;
    const { failureThreshold = 1, successThreshold = 1 } = one;
    if (typeof check !== 'function') throw new ConfigError(`${where}.check: give a function that throws when it fails`);
    if (names.has(text(`${where}.name`, name))) {
      throw new ConfigError(`${where}.name: ${shown(name)} is taken; names of checks are unique`);
    }
    names.add(name);
    const intervalMs = duration(`${where}.interval`, interval, 0);
    return {
      name,
      check,
      critical,
      intervalMs,
      timeoutMs: duration(`${where}.timeout`, timeout, 1),
      failureThreshold: integer(`${where}.failureThreshold`, failureThreshold, MOST_ANSWERS),
      successThreshold: integer(`${where}.successThreshold`, successThreshold, MOST_ANSWERS),
    };
  });
}

function intervals(given: NonNullable<WorkerOptions['checkIntervals']>, checks: readonly ResolvedCheck[]) {
  const own = Object.fromEntries([
    [SERVICES_CHECK, SERVICES_INTERVAL_MS],
    ...checks.map((c) => [c.name, c.intervalMs]),
  ]);
  refuseUnknown(given, Object.keys(own), 'checkIntervals');
  const changed = Object.entries(given).flatMap(([name, interval]) =>
    interval === undefined ? [] : [[name, duration(`checkIntervals.${name}`, interval, 0)]],
  );
  return { ...own, ...Object.fromEntries(changed) } as Record<string, number>;
}

function level(given: LogLevel): LogLevel {
  if (LOG_LEVELS.includes(given)) return given;
  throw new ConfigError(`logLevel: ${shown(given)} is none of ${LOG_LEVELS.join(', ')}`);
}
