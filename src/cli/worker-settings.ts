/**
 * A worker's options on the command line, and where they come from: what a module exports as `worker`, the file of
 * `--config`, the environment, and the command line; each wins over those before it. File and environment are read
 * again for a reload.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../core/errors.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import { resolveOptions, SERVICES_CHECK, type WorkerChanges, type WorkerOptions } from '../runtime/worker-options.js';
import type { Io } from './io.js';
import type { LoadedModules } from './load-module.js';

/** What can be written in JSON. */
const IN_JSON = [
  'id',
  'concurrency',
  'prefetch',
  'tags',
  'leaseTtl',
  'agingInterval',
  'shutdownTimeout',
  'startupTimeout',
  'hookTimeout',
  'http',
  'logLevel',
  'checkIntervals',
] as const satisfies readonly (keyof WorkerOptions)[];
type Setting = (typeof IN_JSON)[number];

/** What can't, and is exported by a module. */
const IN_MODULES: readonly string[] = ['hooks', 'checks'];

/** Variables of the environment that set an option. */
const VARIABLES: readonly (readonly [variable: string, key: Setting])[] = [
  ['BATON_CONCURRENCY', 'concurrency'],
  ['BATON_PREFETCH', 'prefetch'],
  ['BATON_TAGS', 'tags'],
  ['BATON_LEASE_TTL', 'leaseTtl'],
  ['BATON_AGING_INTERVAL', 'agingInterval'],
  ['BATON_SHUTDOWN_TIMEOUT', 'shutdownTimeout'],
  ['BATON_STARTUP_TIMEOUT', 'startupTimeout'],
  ['BATON_HOOK_TIMEOUT', 'hookTimeout'],
  ['BATON_LOG_LEVEL', 'logLevel'],
];

export type Settings = Pick<WorkerOptions, Setting>;

export interface SettingsSources {
  readonly modules: LoadedModules;
  /** The file of `--config`. */
  readonly file: string | undefined;
  /** What the command line says. */
  readonly given: Settings;
  /** Which of a supervisor's processes this is: they don't share a name. */
  readonly supervised?: number | undefined;
  readonly io: Pick<Io, 'env' | 'cwd'>;
}

/** Everything that a worker is made with. Throws a ConfigError that says where which option is wrong. */
export async function readOptions(sources: SettingsSources): Promise<WorkerOptions> {
  const { modules, supervised } = sources;
  const options = { ...modules.worker, ...(await readSettings(sources)), workflows: modules.workflows };
  const { id } = options;
  return id === undefined || supervised === undefined ? options : { ...options, id: `${id}-${supervised}` };
}

/** Everything that a reload is given: options that nothing says any more are there, and undefined. */
export async function readChanges(sources: SettingsSources): Promise<WorkerChanges> {
  const { checks = [], ...options } = await readOptions(sources);
  const names = [SERVICES_CHECK, ...checks.map(({ name }) => name)];
  const checkIntervals = Object.fromEntries(names.map((name) => [name, options.checkIntervals?.[name]]));
  return { ...Object.fromEntries(IN_JSON.map((key) => [key, options[key]])), checkIntervals } as WorkerChanges;
}

async function readSettings({ modules, file, given, io }: SettingsSources): Promise<Settings> {
  const { workflows, worker } = modules;
  const check = (where: string, settings: Settings) => {
    named(where, () =>
      resolveOptions({ checks: worker.checks ?? [], ...settings, id: settings.id ?? 'any', workflows }),
    );
    return settings;
  };
  const fromFile = file === undefined ? {} : check(file, await readConfig(file, io.cwd));
  const fromEnvironment = VARIABLES.flatMap(([variable, key]) => {
    const text = io.env[variable];
    // Empty is unset, as with the variables that name the services.
    return text ? [check(variable, { [key]: parsed(key, text) })] : [];
  });
  return Object.assign({}, fromFile, ...fromEnvironment, given) as Settings;
}

async function readConfig(file: string, cwd: string): Promise<Settings> {
  const config = await parse(file, cwd);
  named(file, () => {
    if (typeof config !== 'object' || config === null || Array.isArray(config))
      throw new ConfigError('give a JSON object of options');
    const here = Object.keys(config).find((key) => IN_MODULES.includes(key));
    if (here !== undefined)
      throw new ConfigError(`${here} can't be given in JSON; a module does it: export const worker = { ${here}: … }`);
    refuseUnknown(config, IN_JSON, 'the file');
  });
  return config as Settings;
}

async function parse(file: string, cwd: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(resolve(cwd, file), 'utf8'));
  } catch (cause) {
    const what = cause instanceof SyntaxError ? 'is no JSON' : "can't be read";
    throw new ConfigError(`--config: ${file} ${what}: ${(cause as Error).message}`, { cause });
  }
}

/** What is wrong with a source is told with its name. */
function named(where: string, check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new ConfigError(`${where}: ${(cause as Error).message}`, { cause });
  }
}

function parsed(key: Setting, text: string): unknown {
  if (key === 'tags') return listed(text);
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** Tags, as one word. */
export function listed(text: string): string[] {
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
}
