/**
 * A worker: its options, its engine and its hooks, driven by `machines/worker.ts`. What each step of its life does
 * is in `lifecycle.ts`; this is the surface.
 */
import { type ActorRefFrom, createActor, type SnapshotFrom, waitFor } from 'xstate';
import type { workerMachine } from '../../machines/worker.js';
import type { Duration } from '../core/duration.js';
import { ConfigError } from '../core/errors.js';
import type { Logger as PublicLogger } from '../core/logger.js';
import { Emitter } from './emitter.js';
import type { TaskEvent } from './engaged.js';
import { Engine, type EngineOptions } from './engine.js';
import { type Health, HealthMonitor, type ResolvedCheck } from './health.js';
import { HookRunner } from './hooks.js';
import { type EngineLike, Lifecycle } from './lifecycle.js';
import type { Logger } from './logger.js';
import { handleSignals } from './process-signals.js';
import { planReload } from './reload.js';
import { StopBudget } from './stop-budget.js';
import {
  asError,
  StartupTimeoutError,
  startupError,
  stopError,
  WorkerStateError,
  WorkerStoppedError,
} from './worker-errors.js';
import {
  duration,
  type LogLevel,
  type ResolvedOptions,
  resolveOptions,
  SERVICES_CHECK,
  type WorkerChanges,
  type WorkerOptions,
} from './worker-options.js';

export type { WorkerChanges, WorkerOptions } from './worker-options.js';

export type WorkerState = 'initializing' | 'starting' | 'running' | 'stopping' | 'stopped' | 'error';

export interface Transition {
  readonly from: WorkerState;
  readonly to: WorkerState;
  /** The type of the event that caused it. */
  readonly event: string;
}

export type WorkerEvents = {
  /** The public state changed. Changes within a state are told by `actor`. */
  transition: [Transition];
  /** An attempt of a task ended here. */
  task: [TaskEvent];
  /** A hook or a step of the worker's failed, or an operation on store or broker. No task's failure is among them. */
  error: [Error];
};

export interface StopOptions {
  /** As `shutdownTimeout`, for this stop. While it is stopping already only 0 has an effect: wait for no task any more. */
  readonly timeout?: Duration;
  /** Why, for logs and for the AbortSignals of tasks that are given up. */
  readonly reason?: string;
}

/** What it works on. */
export type WorkerServices = Pick<
  EngineOptions,
  'store' | 'transport' | 'queues' | 'dispatcher' | 'codec' | 'logger' | 'namespace'
>;

type Snapshot = SnapshotFrom<typeof workerMachine>;

export class Worker {
  readonly id: string;
  /** The worker's XState actor, to look at and to inspect. */
  readonly actor: ActorRefFrom<typeof workerMachine>;
  /** Resolves at `stopped`, rejects at `error`. Ignoring it never ends the process. */
  readonly finished: Promise<void>;
  readonly #services: WorkerServices;
  readonly #logger: Logger;
  readonly #engine: EngineLike;
  readonly #health: HealthMonitor;
  readonly #events: Emitter<WorkerEvents>;
  readonly #undo: (() => void)[] = [];
  #given: WorkerOptions;
  #options: ResolvedOptions;
  #started: Promise<void> | undefined;
  #stop: StopOptions = {};
  #budget: StopBudget | undefined;

  /** @internal Use `baton.worker()`. Throws a ConfigError that names the option. */
  constructor(
    options: WorkerOptions,
    services: WorkerServices,
    engineOf: (options: EngineOptions) => EngineLike = (own) => new Engine(own),
  ) {
    this.#given = options;
    this.#options = resolveOptions(options);
    this.#services = services;
    this.id = this.#options.id;
    this.#logger = services.logger.child({ worker: this.id });
    if (this.#options.logLevel !== undefined) setLevel(this.#logger, this.#options.logLevel);
    this.#events = new Emitter((err) => this.#logger.error({ err }, 'an event listener threw'));
    this.#engine = engineOf(this.#engineOptions());
    this.#health = new HealthMonitor([this.#servicesCheck(), ...this.#options.checks]);
    this.actor = createActor(this.#lifecycle().machine(), {
      id: this.id,
      input: { startupTimeoutMs: this.#options.startupTimeoutMs },
    });
    this.finished = this.#end();
    this.finished.catch(() => {});
    this.#listen();
    this.actor.start();
  }

  get state(): WorkerState {
    return stateOf(this.actor.getSnapshot());
  }

  /** The dotted path of its state, such as `running.degraded`. */
  get detail(): string {
    return detailOf(this.actor.getSnapshot());
  }

  /**
   * Resolves at `running`: its hooks are done and it takes work. Rejects when the start-up failed and is unwound, with
   * the first error, and with WorkerStoppedError when it was stopped before. Calling it again returns the same promise.
   */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /**
   * Takes no more work, lets running tasks finish or hands them back, runs the hooks, and closes. The same promise
   * as `finished`, however often it is called.
   */
  stop(options: StopOptions = {}): Promise<void> {
    const timeoutMs = options.timeout === undefined ? undefined : duration('timeout', options.timeout, 0);
    if (this.state === 'stopping') {
      if (timeoutMs === 0) this.actor.send({ type: 'stop.forced' });
    } else if (!this.#ended()) {
      this.#stop = options;
      this.#logger.info({ reason: options.reason }, 'worker stopping');
      this.actor.send({ type: 'stop.requested' });
    }
    return this.finished;
  }

  /** Takes no more work until `resume()`; what runs goes on. Resolves when it takes none. Only while running. */
  async pause(): Promise<void> {
    await this.#steer('pause', 'pause.requested', (detail) => detail === 'running.paused');
  }

  /** Resolves when it takes work again, or will as soon as store and broker are back. Only while running. */
  async resume(): Promise<void> {
    const there = ['running.active', 'running.degraded', 'running.recovering'];
    await this.#steer('resume', 'resume.requested', (detail) => there.includes(detail));
  }

  /**
   * Changes what can be changed while it runs: concurrency, prefetch, leaseTtl, agingInterval, shutdownTimeout,
   * logLevel and checkIntervals. Anything else, unless it is as it was, is refused with a ConfigError that names it,
   * and then nothing is changed.
   */
  async reload(changes: WorkerChanges): Promise<void> {
    if (this.#ended() || this.state === 'stopping') throw new WorkerStateError(this.id, this.state, 'reload');
    const { given, resolved, intervals } = planReload(this.#given, this.#options, changes);
    if (changes.logLevel !== undefined) assertLevels(this.#logger);
    this.#reconfigure(resolved);
    if (changes.logLevel !== undefined) setLevel(this.#logger, changes.logLevel);
    for (const [name, intervalMs] of intervals) this.#health.setInterval(name, intervalMs);
    this.#given = given;
    this.#options = resolved;
    this.#logger.info({ changes: Object.keys(changes) }, 'worker reloaded');
  }

  /** Asks its checks now: its own, `services`, and those of its options. Never rejects. */
  health(): Promise<Health> {
    return this.#health.look();
  }

  on<K extends keyof WorkerEvents>(event: K, listener: (...args: WorkerEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /**
   * Resolves when it is, or comes to be, in the state: one of the six words, or a path such as `running.degraded`.
   * Rejects with WorkerStateError when it ends otherwise.
   */
  async waitFor(state: WorkerState | (string & {})): Promise<void> {
    const there = (snapshot: Snapshot) => stateOf(snapshot) === state || detailOf(snapshot) === state;
    const snapshot = await waitFor(this.actor, (now) => there(now) || now.status !== 'active');
    if (!there(snapshot)) throw new WorkerStateError(this.id, stateOf(snapshot), `come to be ${state}`);
  }

  // ----------------------------------------------------------------------------------------- life and end

  async #start(): Promise<void> {
    if (this.state !== 'initializing') throw new WorkerStateError(this.id, this.state, 'start');
    if (this.#options.handleSignals !== false) this.#undo.push(this.#handleSignals());
    this.actor.send({ type: 'start.requested' });
    await waitFor(this.actor, (snapshot) => snapshot.matches('running') || snapshot.status !== 'active');
    if (this.#ended()) {
      await this.finished;
      throw new WorkerStoppedError(this.id, this.#stop.reason);
    }
  }

  #end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.actor.subscribe({
        error: reject,
        complete: () => {
          for (const undo of this.#undo.splice(0)) undo();
          const error = this.#failure();
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }

  #failure(): Error | undefined {
    const { value, context } = this.actor.getSnapshot();
    if (value !== 'error') return undefined;
    if (!context.startFailed) return stopError(this.id, context.errors);
    const timeout = new StartupTimeoutError(this.id, context.startupTimeoutMs);
    return startupError(context.expired ? [timeout, ...context.errors] : context.errors);
  }

  #ended(): boolean {
    return this.actor.getSnapshot().status !== 'active';
  }

  #lifecycle(): Lifecycle {
    const logger = this.#logger;
    return new Lifecycle({
      engine: this.#engine,
      health: this.#health,
      hooks: new HookRunner({
        hooks: this.#options.hooks,
        timeoutMs: this.#options.hookTimeoutMs,
        worker: this,
        logger: logger as PublicLogger,
        onLateError: (error) => this.#failed(error, 'a late cleanup'),
      }),
      budget: () => {
        this.#budget ??= new StopBudget(this.#stopMs());
        return this.#budget;
      },
      stopReason: () => new WorkerStoppedError(this.id, this.#stop.reason),
      failed: (error, step) => this.#failed(error, step),
    });
  }

  #stopMs(): number {
    const { timeout } = this.#stop;
    return timeout === undefined ? this.#options.shutdownTimeoutMs : duration('timeout', timeout, 0);
  }

  async #steer(what: string, type: 'pause.requested' | 'resume.requested', there: (detail: string) => boolean) {
    const elsewhere = (snapshot: Snapshot) => stateOf(snapshot) !== 'running';
    if (elsewhere(this.actor.getSnapshot())) throw new WorkerStateError(this.id, this.state, what);
    this.actor.send({ type });
    const snapshot = await waitFor(this.actor, (now) => there(detailOf(now)) || elsewhere(now));
    if (elsewhere(snapshot)) throw new WorkerStateError(this.id, stateOf(snapshot), what);
  }

  // --------------------------------------------------------------------------------------------- wiring

  /** Applies what the engine takes live, or leaves it as it was. */
  #reconfigure(next: ResolvedOptions): void {
    const changesOf = ({ concurrency, prefetch, leaseTtlMs, agingIntervalMs }: ResolvedOptions) => ({
      concurrency,
      ...(prefetch === undefined ? {} : { prefetch }),
      leaseTtlMs,
      agingIntervalMs,
    });
    try {
      this.#engine.reconfigure(changesOf(next));
    } catch (cause) {
      this.#engine.reconfigure(changesOf(this.#options));
      throw new ConfigError('the worker could not take the new options, and keeps the old', { cause });
    }
  }

  #engineOptions(): EngineOptions {
    const { workflows, id, concurrency, prefetch, tags, leaseTtlMs, agingIntervalMs } = this.#options;
    const limits = { concurrency, ...(prefetch === undefined ? {} : { prefetch }), leaseTtlMs, agingIntervalMs };
    return { ...this.#services, logger: this.#logger, workflows, id, tags, ...limits };
  }

  #servicesCheck(): ResolvedCheck {
    const check = () => this.#engine.probe();
    return { name: SERVICES_CHECK, check, critical: true, intervalMs: 30_000, timeoutMs: 10_000 };
  }

  #listen(): void {
    let troubled = false;
    this.#undo.push(
      this.#engine.on('task', (event) => this.#events.emit('task', event)),
      this.#engine.on('infrastructure.failed', (error) => {
        // One line an outage; the listeners of `error` hear everything.
        this.#logger[troubled ? 'debug' : 'warn']({ err: error }, 'trouble with store or broker');
        troubled = true;
        this.actor.send({ type: 'infrastructure.failed' });
        this.#events.emit('error', asError(error));
      }),
      this.#engine.on('infrastructure.ok', () => {
        troubled = false;
        this.actor.send({ type: 'infrastructure.ok' });
      }),
    );
    let last = this.actor.getSnapshot();
    this.actor.system.inspect((inspected) => {
      if (inspected.type !== '@xstate.snapshot' || inspected.actorRef !== this.actor) return;
      const next = inspected.snapshot as Snapshot;
      const [from, to] = [stateOf(last), stateOf(next)];
      const [was, is] = [detailOf(last), detailOf(next)];
      last = next;
      if (was !== is)
        this.#logger[is === 'running.recovering' ? 'warn' : 'debug']({ from: was, to: is }, 'worker state');
      if (from !== to) this.#events.emit('transition', { from, to, event: inspected.event.type });
    });
  }

  #handleSignals(): () => void {
    const unhandle = handleSignals({
      stop: (signal) => void this.stop({ reason: signal }),
      force: () => this.actor.send({ type: 'stop.forced' }),
      reload: (signal) => void this.#reloadOn(signal),
    });
    return () => {
      unhandle();
      if (this.state === 'error') process.exitCode ??= 1;
    };
  }

  async #reloadOn(signal: NodeJS.Signals): Promise<void> {
    const { handleSignals } = this.#options;
    const source = typeof handleSignals === 'object' ? handleSignals.reload : undefined;
    if (source === undefined) {
      this.#logger.warn({ signal }, 'nothing to reload: handleSignals.reload says where from');
      return;
    }
    try {
      await this.reload(await source());
    } catch (error) {
      this.#failed(error, 'reload');
    }
  }

  #failed(error: unknown, step: string): void {
    this.#logger.error({ err: error, step }, 'the worker had an error');
    this.#events.emit('error', asError(error));
  }
}

function stateOf({ value }: Snapshot): WorkerState {
  return typeof value === 'string' ? value : (Object.keys(value)[0] as WorkerState);
}

function detailOf({ value }: Snapshot): string {
  return typeof value === 'string' ? value : Object.entries(value)[0]!.join('.');
}

function assertLevels(logger: Logger): asserts logger is Logger & { level: string } {
  if ('level' in logger) return;
  throw new ConfigError('logLevel: this logger has no levels; a pino logger has');
}

function setLevel(logger: Logger, level: LogLevel): void {
  assertLevels(logger);
  logger.level = level;
}
