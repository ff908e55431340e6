/** What modules export as `worker`, put together: options of the worker that runs their workflows. */
import { ConfigError } from '../core/errors.js';
import { isWorkflow } from '../core/flow.js';
import { HOOK_NAMES, type Hooks } from '../runtime/hooks.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import { OPTIONS, type WorkerOptions } from '../runtime/worker-options.js';

export type WorkerExport = Omit<WorkerOptions, 'workflows' | 'handleSignals'>;

/** The command line sees to these itself. */
const TAKEN: readonly string[] = ['workflows', 'handleSignals'];

export class WorkerExports {
  /** Hooks and checks of all of them, in order; of anything else there is one. */
  worker: WorkerExport = {};
  readonly #from = new Map<string, string>();

  /** Throws a ConfigError that names module and option. */
  add(module: string, exported: unknown): void {
    if (exported === undefined || isWorkflow(exported)) return;
    const options = this.#checked(module, exported as WorkerExport);
    const { hooks = {}, checks = [] } = this.worker;
    this.worker = {
      ...this.worker,
      ...options,
      hooks: merged(hooks, options.hooks ?? {}),
      checks: [...checks, ...(options.checks ?? [])],
    };
  }

  #checked(module: string, options: WorkerExport): WorkerExport {
    refuseUnknown(
      options,
      OPTIONS.filter((key) => !TAKEN.includes(key)),
      `the export worker of ${module}`,
    );
    for (const key of Object.keys(options)) {
      if (key === 'hooks' || key === 'checks') continue;
      const before = this.#from.get(key);
      if (before !== undefined)
        throw new ConfigError(`${before} and ${module} both export a worker with ${key}; one of them has to do`);
      this.#from.set(key, module);
    }
    return options;
  }
}

function merged(one: Hooks, other: Hooks): Hooks {
  const lists = HOOK_NAMES.map((name) => [name, [one[name] ?? [], other[name] ?? []].flat()] as const);
  return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
}
