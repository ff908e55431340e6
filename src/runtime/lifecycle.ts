/**
 * What the steps of `machines/worker.ts` do: one function a step, in the order of a worker's life. The machine
 * decides which step is next; this acts.
 */
import { fromCallback, fromPromise } from 'xstate';
import { breakerMachine } from '../../machines/breaker.js';
import { type WorkerEvent, workerMachine } from '../../machines/worker.js';
import type { Engine } from './engine.js';
import type { Health, HealthMonitor } from './health.js';
import type { HookRunner } from './hooks.js';
import type { Monitor } from './monitored.js';
import type { StopBudget } from './stop-budget.js';
import { limited, TimeLimitError } from './time-limit.js';
import { CheckFailedError } from './worker-errors.js';
import { SERVICES_CHECK } from './worker-options.js';

/** What a worker needs of its engine. */
export type EngineLike = Pick<
  Engine,
  | 'define'
  | 'reachBroker'
  | 'learnQueues'
  | 'register'
  | 'consume'
  | 'quiesce'
  | 'drain'
  | 'release'
  | 'flush'
  | 'close'
  | 'reconfigure'
  | 'probe'
  | 'on'
  | 'inFlight'
  | 'depths'
>;

export interface LifecycleParts {
  readonly workerId: string;
  readonly engine: EngineLike;
  readonly hooks: HookRunner;
  readonly health: HealthMonitor;
  readonly monitor: Monitor | undefined;
  /** The time of the stop, which begins when this is first asked. */
  readonly budget: () => StopBudget;
  /** What tasks that are aborted by the stop are told. */
  readonly stopReason: () => Error;
  /** Told of each error as it occurs. */
  readonly failed: (error: unknown, step: string) => void;
}

/** What a step of the start has, and one that takes up work again. */
const STEP_MS = 10_000;
/** What a step that was told to end has until nobody waits for it. */
const GRACE_MS = 1_000;
/** Giving messages back takes a moment, or the broker is away and the tasks' time is better spent on the tasks. */
const QUIESCE_MS = 5_000;
/** A drain asks this often whether it is still wanted. */
const DRAIN_SLICE_MS = 200;

export class Lifecycle {
  /** Steps never overlap: one that was told to end comes to its end before the next begins. */
  #previous: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: LifecycleParts) {}

  /** The worker's machine with everything that it does filled in. */
  machine() {
    const { engine, hooks } = this.parts;
    const hooksMs = () => this.parts.budget().hooksMs();
    const closingMs = () => this.parts.budget().closingMs();
    return workerMachine.provide({
      actors: {
        serve: this.#step('serving', (signal) => this.#serve(signal)),
        beforeStart: this.#step('beforeStart', (signal) => hooks.start('beforeStart', signal)),
        reachDatabase: this.#brief('reaching Postgres', () => engine.define()),
        reachBroker: this.#step('reaching RabbitMQ', (signal) => engine.reachBroker(STEP_MS, signal)),
        learnTopology: this.#brief('reading the queues', () => engine.learnQueues()),
        onStartup: this.#step('onStartup', (signal) => hooks.start('onStartup', signal)),
        check: this.#step('checking', (signal) => this.#check(signal)),
        register: this.#step('registering', (signal) => this.#register(signal)),
        consume: this.#brief('consuming', () => engine.consume()),
        afterStart: this.#step('afterStart', (signal) => hooks.start('afterStart', signal)),

        health: fromCallback<{ type: 'unused' }, undefined, WorkerEvent>(({ sendBack }) => this.#watch(sendBack)),
        breaker: breakerMachine.provide({ actors: { probe: fromPromise<void>(() => this.#probe()) } }),
        suspend: this.#step('suspending', () => this.#quiesce(QUIESCE_MS)),
        resume: this.#brief('resuming', () => engine.consume()),

        beforeStop: this.#stopStep('beforeStop', (signal) => hooks.stop('beforeStop', signal, hooksMs)),
        quiesce: this.#stopStep('quiescing', () => this.#quiesce(this.#quiesceMs())),
        drain: this.#stopStep('draining', (signal) => this.#drain(signal)),
        release: this.#stopStep('releasing', () => this.#release(hooksMs())),
        flush: this.#stopStep('flushing', () => this.#flush(hooksMs())),
        onShutdown: this.#stopStep('onShutdown', (signal) => hooks.shutDown(signal, hooksMs)),
        close: this.#stopStep('closing', () => this.#close(closingMs())),
        afterStop: this.#stopStep('afterStop', (signal) => hooks.stop('afterStop', signal, closingMs)),
        unserve: this.#stopStep('unserving', () => this.#unserve(closingMs())),
      },
    });
  }

  // --------------------------------------------------------------------------------------------- steps

  #step(name: string, work: (signal: AbortSignal) => Promise<void>) {
    return fromPromise<void>(({ signal }) =>
      this.#inTurn(async () => {
        signal.throwIfAborted();
        try {
          await work(signal);
        } catch (error) {
          // What a step says to being interrupted is no failure of its own.
          if (!signal.aborted) this.parts.failed(error, name);
          throw error;
        }
      }),
    );
  }

  /** A step that may be given up: should it come to its end later, that changes nothing any more. */
  #brief(name: string, work: () => Promise<void>) {
    return this.#step(name, (signal) => limited(work, { what: name, limitMs: STEP_MS, signal, graceMs: GRACE_MS }));
  }

  #stopStep(name: string, work: (signal: AbortSignal) => Promise<unknown>) {
    return fromPromise<readonly unknown[]>(({ signal }) => {
      this.parts.budget();
      return this.#inTurn(async () => {
        // Hooks go on after an error and resolve with all of them; a step of the engine's is one thing, done or not.
        const errors = await work(signal).then(
          (thrown) => (Array.isArray(thrown) ? thrown : []),
          (error: unknown) => [error],
        );
        for (const error of errors) this.parts.failed(error, name);
        return errors;
      });
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#previous.then(work);
    this.#previous = turn.catch(() => undefined);
    return turn;
  }

  // -------------------------------------------------------------------------------------------- engine

  /** Whoever probes sees the whole start. */
  async #serve(signal: AbortSignal): Promise<void> {
    const { monitor, failed } = this.parts;
    if (monitor === undefined) return;
    const late = () => void monitor.close().catch((error: unknown) => failed(error, 'a late opening'));
    await limited(() => monitor.open(), { what: 'opening HTTP', limitMs: STEP_MS, signal, graceMs: GRACE_MS, late });
  }

  /** And the whole stop. */
  async #unserve(limitMs: number): Promise<void> {
    const { monitor } = this.parts;
    if (monitor !== undefined) await limited(() => monitor.close(), { what: 'closing HTTP', limitMs });
  }

  /** A session that is there too late, when the stop is past its closing, is closed here. */
  #register(signal: AbortSignal): Promise<void> {
    const { engine, failed } = this.parts;
    const late = () => void engine.close().catch((error: unknown) => failed(error, 'closing a late session'));
    return limited(() => engine.register(), { what: 'registering', limitMs: STEP_MS, signal, graceMs: GRACE_MS, late });
  }

  /** Asks every check once. */
  async #check(signal: AbortSignal): Promise<void> {
    const { workerId, health } = this.parts;
    const giveUp = () => health.stop();
    signal.addEventListener('abort', giveUp, { once: true });
    const { checks } = await health.look();
    signal.removeEventListener('abort', giveUp);
    const failing = Object.entries(checks).find(([, { ok, critical }]) => !ok && critical);
    if (failing) throw new CheckFailedError(workerId, failing[0], failing[1].error ?? '');
  }

  /** What the breaker asks is what the health says. */
  #probe(): Promise<void> {
    return this.parts.health.ask(SERVICES_CHECK);
  }

  #quiesce(limitMs: number): Promise<void> {
    return limited(() => this.parts.engine.quiesce(), { what: 'giving messages back', limitMs });
  }

  #quiesceMs(): number {
    return Math.max(GRACE_MS, Math.min(QUIESCE_MS, this.parts.budget().drainMs()));
  }

  /** In slices, since a drain that is no longer wanted must not go on. */
  async #drain(signal: AbortSignal): Promise<void> {
    const { engine, budget } = this.parts;
    while (!signal.aborted) {
      const leftMs = budget().drainMs();
      if ((await engine.drain(Math.min(DRAIN_SLICE_MS, leftMs))) || leftMs === 0) return;
    }
  }

  #release(leftMs: number): Promise<void> {
    const { engine, stopReason } = this.parts;
    const graceMs = Math.min(GRACE_MS, leftMs / 4);
    return limited(() => engine.release(stopReason(), graceMs), { what: 'handing tasks back', limitMs: leftMs / 2 });
  }

  async #flush(leftMs: number): Promise<void> {
    try {
      await limited(() => this.parts.engine.flush(), { what: 'flushing', limitMs: leftMs / 2 });
    } catch (error) {
      // What isn't confirmed by then is found by the watermark.
      if (!(error instanceof TimeLimitError)) throw error;
    }
  }

  #close(limitMs: number): Promise<void> {
    return limited(() => this.parts.engine.close(), { what: 'closing', limitMs });
  }

  #watch(sendBack: (event: WorkerEvent) => void): () => void {
    const { health } = this.parts;
    const tell = (status: Health['status']) => sendBack({ type: 'health.changed', ok: status === 'ok' });
    // It may have been asked before anybody listened.
    tell(health.last().status);
    const unsubscribe = health.onChange(tell);
    health.start();
    return () => {
      unsubscribe();
      health.stop();
    };
  }
}
