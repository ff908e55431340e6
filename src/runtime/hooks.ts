/**
 * What users hook into a worker's life. Hooks of a start run in order and the first failure ends them; hooks of a
 * stop all run, whatever one throws: `onShutdown` in reverse order, then the cleanups that `onStartup` hooks
 * returned, in reverse.
 */
import type { Logger } from '../core/logger.js';
import { limited } from './time-limit.js';
import type { WorkerHandle } from './worker-handle.js';

/** Undoes what its `onStartup` hook did. */
export type Cleanup = () => void | Promise<void>;

/** What a hook is called with. */
export interface HookContext {
  readonly worker: WorkerHandle;
  readonly logger: Logger;
  /** Aborted when the hook's time is over, or when the worker is stopped while it starts. */
  readonly signal: AbortSignal;
}

/** A cleanup counts only where an `onStartup` hook returns it. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook is free to return nothing
export type Hook = (context: HookContext) => void | Cleanup | Promise<void | Cleanup>;

/**
 * Each is a hook or a list of hooks. A hook that takes longer than `hookTimeout` has failed. A start-up that fails
 * or is stopped runs the counterparts of what was done: `afterStop` of `beforeStart`, `onShutdown` of `onStartup`,
 * `beforeStop` of `afterStart`, each unless not even the first hook of the other list came to its end.
 */
export interface Hooks {
  /** Before anything else; nobody has asked yet whether Postgres and RabbitMQ are there. */
  readonly beforeStart?: Hook | readonly Hook[];
  /** Postgres and RabbitMQ answer; the worker isn't registered and takes no work yet. May return its cleanup. */
  readonly onStartup?: Hook | readonly Hook[];
  /** The worker takes work; `start()` hasn't resolved yet. */
  readonly afterStart?: Hook | readonly Hook[];
  /** A stop begins; the worker still takes work. */
  readonly beforeStop?: Hook | readonly Hook[];
  /** Nothing runs any more. In reverse order of the list, and then the cleanups. */
  readonly onShutdown?: Hook | readonly Hook[];
  /** The worker's session is closed. */
  readonly afterStop?: Hook | readonly Hook[];
}

export type HookName = keyof Hooks;
export const HOOK_NAMES: readonly HookName[] = [
  'beforeStart',
  'onStartup',
  'afterStart',
  'beforeStop',
  'onShutdown',
  'afterStop',
];

/** A list of a stop is for what its counterpart has done, and there may be nothing. */
const UNDOES = { beforeStop: 'afterStart', onShutdown: 'onStartup', afterStop: 'beforeStart' } as const;

/** How long a hook that was told to end has until nobody waits for it. */
const GRACE_MS = 1_000;

export interface HookRunnerOptions {
  readonly hooks: Hooks;
  readonly timeoutMs: number;
  readonly worker: WorkerHandle;
  readonly logger: Logger;
  /** A cleanup that came too late to be part of the stop failed. */
  readonly onLateError: (error: unknown) => void;
}

export class HookRunner {
  readonly #cleanups: Cleanup[] = [];
  /** Lists of a start of which something came to its end. */
  readonly #done = new Set<HookName>();
  #cleanedUp = false;

  constructor(private readonly options: HookRunnerOptions) {}

  /** Rejects with the first failure, and starts no other hook after it, nor once the signal is aborted. */
  async start(name: 'beforeStart' | 'onStartup' | 'afterStart', signal: AbortSignal): Promise<void> {
    const keep = name === 'onStartup' ? (result: unknown) => this.#keep(result) : () => {};
    for (const [hook, what] of this.#named(name)) {
      keep(await limited(this.#call(hook), { ...this.#limit(what), signal, graceMs: GRACE_MS, late: keep }));
      this.#done.add(name);
    }
    this.#done.add(name);
  }

  /** Runs all of them and resolves with what they threw. `leftMs` is asked before each: a hook never gets more. */
  async stop(name: 'beforeStop' | 'afterStop', signal: AbortSignal, leftMs: () => number): Promise<unknown[]> {
    return this.#done.has(UNDOES[name]) ? this.#runAll(this.#named(name), signal, leftMs) : [];
  }

  async shutDown(signal: AbortSignal, leftMs: () => number): Promise<unknown[]> {
    const hooks = this.#done.has(UNDOES.onShutdown) ? this.#named('onShutdown').reverse() : [];
    const errors = await this.#runAll(hooks, signal, leftMs);
    this.#cleanedUp = true;
    const cleanups = this.#cleanups.splice(0).map((cleanup, i): [Hook, string] => [cleanup, `cleanup ${i + 1}`]);
    return [...errors, ...(await this.#runAll(cleanups.reverse(), signal, leftMs))];
  }

  async #runAll(hooks: readonly [Hook, string][], signal: AbortSignal, leftMs: () => number): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (const [hook, what] of hooks) {
      try {
        const limit = this.#limit(what, leftMs());
        // An aborted signal shortens the hook's time and doesn't spare it.
        await (signal.aborted
          ? limited(this.#call(hook), { ...limit, limitMs: Math.min(limit.limitMs, GRACE_MS) })
          : limited(this.#call(hook), { ...limit, signal, graceMs: GRACE_MS }));
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  #named(name: HookName): [Hook, string][] {
    const hooks = [this.options.hooks[name] ?? []].flat();
    return hooks.map((hook, i) => [hook, hooks.length === 1 ? `hook ${name}` : `hook ${name}[${i}]`]);
  }

  #limit(what: string, leftMs = Number.POSITIVE_INFINITY) {
    return { what, limitMs: Math.min(this.options.timeoutMs, leftMs) };
  }

  #call(hook: Hook): (signal: AbortSignal) => unknown {
    const { worker, logger } = this.options;
    return (signal) => hook({ worker, logger, signal });
  }

  /** What a hook set up is undone, even if the hook only came to its end when the worker had stopped. */
  #keep(result: unknown): void {
    if (typeof result !== 'function') return;
    const cleanup = result as Cleanup;
    if (!this.#cleanedUp) this.#cleanups.push(cleanup);
    else limited(cleanup, this.#limit('a late cleanup')).catch(this.options.onLateError);
  }
}
