/**
 * A worker: its options, its engine and its hooks, driven by `machines/worker.ts`. What each step of its life does
 * is in `lifecycle.ts`; this is the surface.
 */
import { createActor, waitFor } from 'xstate';
import type { Logger } from '../core/logger.js';
import { Emitter } from './emitter.js';
import { Engine, type EngineOptions } from './engine.js';
import { type Health, HealthMonitor, type ResolvedCheck } from './health.js';
import { HookRunner } from './hooks.js';
import type { Route } from './http/route.js';
import { WorkerHttp } from './http/worker-http.js';
import type { Inspection } from './inspection.js';
import { type EngineLike, Lifecycle } from './lifecycle.js';
import { LiveOptions } from './live-options.js';
import { levelOf, setLevel } from './log-level.js';
import type { Monitor, Monitored } from './monitored.js';
import { duration } from './option-values.js';
import { handleSignals } from './process-signals.js';
import { StopBudget } from './stop-budget.js';
import { asError, WorkerStateError, WorkerStoppedError } from './worker-errors.js';
import type { WorkerEvents } from './worker-events.js';
import type { StopOptions, WorkerHandle } from './worker-handle.js';
import { SERVICES_CHECK, type WorkerChanges, type WorkerOptions } from './worker-options.js';
import {
  breakerOf,
  detailOf,
  failureOf,
  hasEnded,
  isConsuming,
  stateOf,
  type WorkerActor,
  type WorkerSnapshot,
  type WorkerState,
  watchSteps,
} from './worker-state.js';

/** What it works on. */
export type WorkerServices = Pick<
  EngineOptions,
  'store' | 'transport' | 'queues' | 'dispatcher' | 'codec' | 'logger' | 'namespace' | 'prepare'
> & {
  /** What its HTTP server answers besides probes and metrics. */
  readonly routes?: readonly Route[];
  /** Where its actors and deliveries are shown. */
  readonly inspection?: Inspection | undefined;
  /** Watches over it instead of an HTTP server of its own. */
  readonly monitor?: (worker: Monitored) => Monitor;
};

/** Takes work from the queues and runs it, from `start()` to `stop()`. Made by `baton.worker()`; one life only. */
export class Worker implements WorkerHandle {
  readonly id: string;
  /** The worker's XState actor, to look at and to inspect. */
  readonly actor: WorkerActor;
  /** Resolves at `stopped`, rejects at `error`. Ignoring it never ends the process. */
  readonly finished: Promise<void>;
  readonly #services: WorkerServices;
  readonly #logger: Logger;
  readonly #engine: EngineLike;
  readonly #health: HealthMonitor;
  readonly #http: WorkerHttp | undefined;
  readonly #events: Emitter<WorkerEvents>;
  readonly #undo: (() => void)[] = [];
  readonly #options: LiveOptions;
  #started: Promise<void> | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #hasRun = false;
  #stopMs: number | undefined;
  #stopReason: string | undefined;
  #budget: StopBudget | undefined;

  /** @internal Use `baton.worker()`. Throws a ConfigError that names the option. */
  constructor(
    options: WorkerOptions,
    services: WorkerServices,
    engineOf: (options: EngineOptions) => EngineLike = (own) => new Engine(own),
  ) {
    this.#options = new LiveOptions(options);
    const { id, logLevel, checks, checkIntervals, startupTimeoutMs } = this.#options.now;
    this.#services = services;
    this.id = id;
    this.#logger = services.logger.child({ worker: this.id });
    if (logLevel !== undefined) setLevel(this.#logger, logLevel);
    this.#events = new Emitter((err) => this.#logger.error({ err }, 'an event listener threw'));
    this.#engine = engineOf(this.#engineOptions());
    this.#health = new HealthMonitor(
      [this.#servicesCheck(), ...checks].map((check) => ({ ...check, intervalMs: checkIntervals[check.name] ?? 0 })),
    );
    this.#http = this.#httpSide();
    const { inspection } = services;
    const inspected = inspection === undefined ? {} : { inspect: inspection.observer };
    this.actor = createActor(this.#lifecycle().machine(), { id, input: { startupTimeoutMs }, ...inspected });
    if (inspection !== undefined) this.#undo.push(inspection.watch({ id, actor: this.actor, engine: this.#engine }));
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

  /** Where it answers HTTP, while it does: `http.port` may have left the choice of a port to the system. */
  get http(): { readonly url: string } | undefined {
    const url = this.#http?.url;
    return url === undefined ? undefined : { url };
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
  stop({ timeout, reason }: StopOptions = {}): Promise<void> {
    const timeoutMs = timeout === undefined ? undefined : duration('timeout', timeout, 0);
    if (this.state === 'stopping') {
      if (timeoutMs === 0) this.actor.send({ type: 'stop.forced' });
    } else if (!this.#ended()) {
      this.#stopMs = timeoutMs;
      this.#stopReason = reason;
      this.#logger.info({ reason }, 'worker stopping');
      this.actor.send({ type: 'stop.requested' });
    }
    return this.finished;
  }

  /**
   * Takes no more work until `resume()`; what runs goes on. Resolves when it takes none. Rejects with
   * WorkerStateError unless it is running, or when a `resume()` or a stop comes in between.
   */
  async pause(): Promise<void> {
    await this.#steer('pause', (detail) => detail === 'running.paused');
  }

  /** Resolves when it takes work again, or will as soon as store and broker are back. Rejects as `pause()` does. */
  async resume(): Promise<void> {
    const there = ['running.ready', 'running.degraded', 'running.recovering'];
    await this.#steer('resume', (detail) => there.includes(detail));
  }

  /**
   * Changes what can be changed while it runs: concurrency, prefetch, leaseTtl, agingInterval, shutdownTimeout,
   * logLevel and checkIntervals. Anything else, unless it is as it was, is refused with a ConfigError that names it,
   * and then nothing is changed.
   */
  async reload(changes: WorkerChanges): Promise<void> {
    if (this.#ended() || this.state === 'stopping') throw new WorkerStateError(this.id, this.state, 'reload');
    const ownLevel = levelOf(this.#services.logger);
    const places = { engine: this.#engine, health: this.#health, logger: this.#logger, ownLevel };
    this.#logger.info({ changes: this.#options.change(changes, places) }, 'worker reloaded');
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
    const there = (snapshot: WorkerSnapshot) => stateOf(snapshot) === state || detailOf(snapshot) === state;
    const snapshot = await waitFor(this.actor, (now) => there(now) || hasEnded(now));
    if (!there(snapshot)) throw new WorkerStateError(this.id, stateOf(snapshot), `come to be ${state}`);
  }

  // ----------------------------------------------------------------------------------------- life and end

  async #start(): Promise<void> {
    if (this.state !== 'initializing') throw new WorkerStateError(this.id, this.state, 'start');
    if (this.#options.now.handleSignals !== false) this.#undo.push(this.#handleSignals());
    this.actor.send({ type: 'start.requested' });
    const snapshot = await waitFor(this.actor, (now) => now.matches('running') || hasEnded(now));
    if (snapshot.matches('running')) return;
    await this.finished;
    throw new WorkerStoppedError(this.id, this.#stopReason);
  }

  #end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.actor.subscribe({
        error: reject,
        complete: () => {
          for (const undo of this.#undo.splice(0)) undo();
          const error = failureOf(this.id, this.actor.getSnapshot());
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }

  #ended(): boolean {
    return hasEnded(this.actor.getSnapshot());
  }

  #lifecycle(): Lifecycle {
    return new Lifecycle({
      workerId: this.id,
      engine: this.#engine,
      health: this.#health,
      monitor: this.#services.monitor?.(this.#monitored()) ?? this.#http,
      hooks: new HookRunner({
        hooks: this.#options.now.hooks,
        timeoutMs: this.#options.now.hookTimeoutMs,
        worker: this,
        logger: this.#logger,
        onLateError: (error) => this.#failed(error, 'a late cleanup'),
      }),
      budget: () => {
        this.#budget ??= new StopBudget(this.#stopMs ?? this.#options.now.shutdownTimeoutMs);
        return this.#budget;
      },
      stopReason: () => new WorkerStoppedError(this.id, this.#stopReason),
      failed: (error, step) => this.#failed(error, step),
    });
  }

  async #steer(what: 'pause' | 'resume', there: (detail: string) => boolean): Promise<void> {
    if (this.state !== 'running') throw new WorkerStateError(this.id, this.state, what);
    this.actor.send({ type: `${what}.requested` });
    const overtaken = ({ context }: WorkerSnapshot) => context.paused !== (what === 'pause');
    const snapshot = await waitFor(
      this.actor,
      (now) => there(detailOf(now)) || overtaken(now) || stateOf(now) !== 'running',
    );
    if (!there(detailOf(snapshot))) throw new WorkerStateError(this.id, detailOf(snapshot), what);
  }

  // --------------------------------------------------------------------------------------------- wiring

  #engineOptions(): EngineOptions {
    const { store, transport, queues, dispatcher, codec, namespace, prepare } = this.#services;
    const own = { store, transport, queues, dispatcher, codec, namespace, logger: this.#logger };
    const services = prepare === undefined ? own : { ...own, prepare };
    const { workflows, id, concurrency, prefetch, tags, leaseTtlMs, agingIntervalMs } = this.#options.now;
    const limits = { concurrency, ...(prefetch === undefined ? {} : { prefetch }), leaseTtlMs, agingIntervalMs };
    return { ...services, workflows, id, tags, ...limits };
  }

  #httpSide(): WorkerHttp | undefined {
    const { http } = this.#options.now;
    if (http === undefined) return undefined;
    const routes = this.#services.routes ?? [];
    return new WorkerHttp({ http, worker: this.#monitored(), routes });
  }

  #monitored(): Monitored {
    const worker = this;
    return {
      id: this.id,
      logger: this.#logger,
      engine: this.#engine,
      on: (event, listener) => this.on(event, listener),
      onStep: (listener) => watchSteps(this.actor, listener),
      get state() {
        return worker.state;
      },
      get detail() {
        return worker.detail;
      },
      get consuming() {
        return isConsuming(worker.actor.getSnapshot());
      },
      get started() {
        return worker.#hasRun;
      },
      get lastHealth() {
        return worker.#health.last();
      },
      get breaker() {
        return breakerOf(worker.actor.getSnapshot());
      },
      get slots() {
        return worker.#options.now.concurrency;
      },
    };
  }

  #servicesCheck(): ResolvedCheck {
    const check = () => this.#engine.probe();
    const thresholds = { failureThreshold: 1, successThreshold: 1 };
    return { name: SERVICES_CHECK, check, critical: true, intervalMs: 30_000, timeoutMs: 10_000, ...thresholds };
  }

  #listen(): void {
    let troubled = false;
    const trouble = (type: 'infrastructure.failed' | 'infrastructure.lost', error: unknown) => {
      // One line an outage; the listeners of `error` hear everything.
      this.#logger[troubled ? 'debug' : 'warn']({ err: error }, 'trouble with store or broker');
      troubled = true;
      this.actor.send({ type });
      this.#events.emit('error', asError(error));
    };
    this.#undo.push(
      this.#engine.on('task', (event) => this.#events.emit('task', event)),
      this.#engine.on('infrastructure.failed', (error) => trouble('infrastructure.failed', error)),
      this.#engine.on('infrastructure.lost', (error) => trouble('infrastructure.lost', error)),
      this.#engine.on('infrastructure.ok', () => {
        troubled = false;
        this.actor.send({ type: 'infrastructure.ok' });
      }),
    );
    watchSteps(this.actor, ({ from, to, event }) => {
      const [was, is] = [stateOf(from), stateOf(to)];
      const level = detailOf(to) === 'running.recovering' ? 'warn' : 'debug';
      this.#logger[level]({ from: detailOf(from), to: detailOf(to) }, 'worker state');
      this.#hasRun ||= is === 'running';
      if (was !== is) this.#events.emit('transition', { from: was, to: is, event });
    });
  }

  #handleSignals(): () => void {
    const unhandle = handleSignals({
      stop: (signal) => void this.stop({ reason: signal }),
      force: () => this.actor.send({ type: 'stop.forced' }),
      // One at a time, and the last one last.
      reload: (signal) => {
        this.#reloading = this.#reloading.then(() => this.#reloadOn(signal));
      },
    });
    return () => {
      unhandle();
      if (this.state === 'error') process.exitCode ??= 1;
    };
  }

  async #reloadOn(signal: NodeJS.Signals): Promise<void> {
    const { handleSignals } = this.#options.now;
    const source = typeof handleSignals === 'object' ? handleSignals.reload : undefined;
    if (source === undefined) {
      this.#logger.warn({ signal }, 'nothing to reload: handleSignals.reload says where from');
      return;
    }
    try {
      await this.reload(await source());
    } catch (error) {
      this.#logger.error({ err: error, signal }, 'the new options are refused; nothing has changed');
      this.#events.emit('error', asError(error));
    }
  }

  #failed(error: unknown, step: string): void {
    this.#logger.error({ err: error, step }, 'the worker had an error');
    this.#events.emit('error', asError(error));
  }
}
