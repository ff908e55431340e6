/** Loads a user's module and finds the workflows that it exports. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isWorkflow, type Workflow } from '../core/flow.js';
import type { WorkerOptions } from '../runtime/worker-options.js';
import { USAGE, UsageError } from './exit-codes.js';
import { WorkerExports } from './worker-exports.js';

const JAVASCRIPT = ['.js', '.mjs'];
const TYPESCRIPT = ['.ts', '.mts'];

/** What `baton worker` and `baton dev` take from modules. */
export interface LoadedModules {
  /** Each once. */
  readonly workflows: readonly Workflow[];
  /** What the modules export as `worker`: hooks and checks of all of them, in order, and whatever else they set. */
  readonly worker: Omit<WorkerOptions, 'workflows' | 'handleSignals'>;
}

/** The workflows of all modules, each once. Throws a UsageError that says what is wrong with which. */
export async function loadWorkflows(modules: readonly string[], cwd: string): Promise<readonly Workflow[]> {
  return (await loadModules(modules, cwd)).workflows;
}

/** Throws a UsageError, or a ConfigError, that says what is wrong with which. */
export async function loadModules(modules: readonly string[], cwd: string): Promise<LoadedModules> {
  const found = new Map<string, Workflow>();
  const settings = new WorkerExports();
  for (const module of modules) {
    const exported = await load(module, cwd);
    for (const workflow of workflowsOf(module, exported)) found.set(`${workflow.name}@${workflow.hash}`, workflow);
    settings.add(module, exported.worker);
  }
  return { workflows: [...found.values()], worker: settings.worker };
}

function workflowsOf(module: string, exports: Record<string, unknown>): Workflow[] {
  const exported = Object.entries(exports);
  const workflows = exported.flatMap(([, value]) => (Array.isArray(value) ? value : [value])).filter(isWorkflow);
  if (workflows.length > 0) return workflows;
  const unbuilt = exported.find(
    ([, value]) => typeof (value as { build?: unknown } | null | undefined)?.build === 'function',
  );
  const hint =
    unbuilt === undefined
      ? 'export what flow(…).build() returns'
      : `its export ${unbuilt[0]} is a flow without .build()`;
  throw new UsageError(`module ${module} exports no workflow; ${hint}`);
}

async function load(module: string, cwd: string): Promise<Record<string, unknown>> {
  const path = resolve(cwd, module);
  const extension = extname(path);
  if (![...JAVASCRIPT, ...TYPESCRIPT].includes(extension)) {
    throw new UsageError(`${module} is no module that can be loaded; give a .js, .mjs, .ts or .mts file`);
  }
  if (!existsSync(path) || !statSync(path).isFile())
    throw new UsageError(`there is no module ${module} (looked for ${path})`);
  if (TYPESCRIPT.includes(extension)) await acceptTypeScript(module, [cwd, path]);
  const unfinished = () => {
    console.error(`baton: module ${module} ended the process, or waits for what never comes, while it was loaded`);
    process.exitCode = USAGE;
  };
  process.once('exit', unfinished);
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new UsageError(`module ${module} can't be loaded: ${reasonOf(cause, path, cwd)}`, { cause });
  } finally {
    process.off('exit', unfinished);
  }
}

/** What is wrong, and where, as far as Node says. */
function reasonOf(cause: unknown, path: string, cwd: string): string {
  if (!(cause instanceof Error)) return String(cause);
  const place = placeIn(cause.stack ?? '') ?? (cause instanceof SyntaxError ? syntaxErrorOf(path) : undefined);
  return place === undefined ? cause.message : `${cause.message} (${relative(cwd, place.file)}:${place.line})`;
}

const OURS = fileURLToPath(new URL('../', import.meta.url));

interface Place {
  readonly file: string;
  readonly line: string;
}

/** The first place in a file of the user's: in a stack, or in what Node prints of an error that nobody catches. */
function placeIn(text: string): Place | undefined {
  for (const [, url = '', line = ''] of text.matchAll(/(file:\/\/[^\s?)]+?)(?:\?[^\s:)]*)?:(\d+)/g)) {
    const file = fileURLToPath(url);
    if (!file.includes('/node_modules/') && !file.startsWith(OURS)) return { file, line };
  }
  return undefined;
}

/** Node tells where a module is malformed only where nobody catches the error. Nothing of such a module is run. */
function syntaxErrorOf(path: string): Place | undefined {
  const program = `import ${JSON.stringify(pathToFileURL(path).href)}`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  return placeIn(stderr);
}

/** Through the user's own `tsx`; a Node that reads TypeScript by itself needs none. */
async function acceptTypeScript(module: string, from: readonly string[]): Promise<void> {
  for (const place of from) {
    const tsx = resolveFrom(place, 'tsx');
    if (tsx === undefined) continue;
    // Registers itself, as it does under `node --import tsx`.
    await import(pathToFileURL(tsx).href);
    return;
  }
  if ('typescript' in process.features && process.features.typescript) return;
  throw new UsageError(
    `${module} is TypeScript, which takes tsx: npm install --save-dev tsx, or give the compiled .js file`,
  );
}

/** The file that `specifier` leads to from there; undefined where it isn't installed. */
export function resolveFrom(place: string, specifier: string): string | undefined {
  try {
    return createRequire(resolve(place, 'anything.js')).resolve(specifier);
  } catch (error) {
    if (['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}
