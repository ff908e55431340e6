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
import { limited } from './time-limit.js';

/** What a worker needs of its engine. */
export type EngineLike = Pick<
  Engine,
  | 'open'
  | 'consume'
  | 'quiesce'
  | 'drain'
  | 'release'
  | 'close'
  | 'reconfigure'
  | 'probe'
  | 'on'
  | 'inFlight'
  | 'depths'
>;

export interface LifecycleParts {
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
        beforeStart: this.#step('beforeStart', (signal) => this.#beforeStart(signal)),
        open: this.#step('opening', (signal) => this.#undoable('opening', () => engine.open(), signal)),
        onStartup: this.#step('onStartup', (signal) => hooks.start('onStartup', signal)),
        consume: this.#step('consuming', (signal) => this.#undoable('consuming', () => engine.consume(), signal)),
        afterStart: this.#step('afterStart', (signal) => hooks.start('afterStart', signal)),

        health: fromCallback<{ type: 'unused' }, undefined, WorkerEvent>(({ sendBack }) => this.#watch(sendBack)),
        breaker: breakerMachine.provide({ actors: { probe: fromPromise<void>(() => engine.probe()) } }),
        suspend: this.#step('suspending', () => this.#quiesce(QUIESCE_MS)),
        resume: this.#step('resuming', (signal) => this.#undoable('consuming', () => engine.consume(), signal)),

        beforeStop: this.#stopStep('beforeStop', (signal) => hooks.stop('beforeStop', signal, hooksMs)),
        quiesce: this.#stopStep('quiescing', () => this.#quiesce(this.#quiesceMs())),
        drain: this.#stopStep('draining', (signal) => this.#drain(signal)),
        release: this.#stopStep('releasing', () => this.#release(hooksMs())),
        onShutdown: this.#stopStep('onShutdown', (signal) => hooks.shutDown(signal, hooksMs)),
        close: this.#stopStep('closing', () => this.#close(closingMs())),
        afterStop: this.#stopStep('afterStop', (signal) => this.#afterStop(signal)),
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

  /** Whoever probes sees the whole start. */
  async #beforeStart(signal: AbortSignal): Promise<void> {
    const { monitor, hooks, failed } = this.parts;
    if (monitor !== undefined) {
      const late = () => void monitor.close().catch((error: unknown) => failed(error, 'a late opening'));
      await limited(() => monitor.open(), { what: 'opening HTTP', signal, graceMs: GRACE_MS, late });
    }
    await hooks.start('beforeStart', signal);
  }

  /** And the whole stop. */
  async #afterStop(signal: AbortSignal): Promise<unknown[]> {
    const { monitor, hooks, budget } = this.parts;
    const closingMs = () => budget().closingMs();
    const errors = await hooks.stop('afterStop', signal, closingMs);
    if (monitor === undefined) return errors;
    try {
      await limited(() => monitor.close(), { what: 'closing HTTP', limitMs: closingMs() });
    } catch (error) {
      errors.push(error);
    }
    return errors;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#previous.then(work);
    this.#previous = turn.catch(() => undefined);
    return turn;
  }

  // -------------------------------------------------------------------------------------------- engine

  /** Should it come to its end after it was given up, when the stop is past its counterpart, it is undone here. */
  #undoable(what: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { engine, failed } = this.parts;
    const undo = async () => {
      await engine.quiesce();
      await engine.close();
    };
    const late = () => void undo().catch((error: unknown) => failed(error, `undoing a late ${what}`));
    return limited(work, { what, signal, graceMs: GRACE_MS, late });
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
