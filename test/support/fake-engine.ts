/** An engine that does nothing but tell what it was asked, in order; tests say what goes wrong or hangs. */
import { Emitter } from '../../src/runtime/emitter.js';
import type { TaskEvent } from '../../src/runtime/engaged.js';
import type { EngineChanges, EngineEvents, QueueState } from '../../src/runtime/engine.js';
import type { EngineLike } from '../../src/runtime/lifecycle.js';

type Step =
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
  | 'probe';

export class FakeEngine implements EngineLike {
  /** Every call, in order; a drain that is asked again and again counts once. */
  readonly calls: string[] = [];
  readonly changes: EngineChanges[] = [];
  /** What a step does besides being noted: throw, hang, take its time. */
  readonly does: { [K in Step]?: () => unknown } = {};
  /** What it says of its queues. */
  depths: () => Promise<QueueState[]> = async () => [];
  /** Tasks that are running. */
  inFlight = 0;
  released: { readonly reason: Error; readonly graceMs: number } | undefined;
  consuming = false;
  readonly #events = new Emitter<EngineEvents>((error) => {
    throw error;
  });
  #listeners = 0;

  constructor(readonly log: string[] = []) {}

  get listeners(): number {
    return this.#listeners;
  }

  define(): Promise<void> {
    return this.#step('define');
  }

  reachBroker(): Promise<void> {
    return this.#step('reachBroker');
  }

  learnQueues(): Promise<void> {
    return this.#step('learnQueues');
  }

  register(): Promise<void> {
    return this.#step('register');
  }

  async consume(): Promise<void> {
    await this.#step('consume');
    this.consuming = true;
  }

  async quiesce(): Promise<void> {
    this.consuming = false;
    await this.#step('quiesce');
  }

  async drain(budgetMs: number): Promise<boolean> {
    if (this.calls.at(-1) !== 'drain') await this.#step('drain');
    const until = performance.now() + budgetMs;
    while (this.inFlight > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.inFlight === 0;
  }

  async release(reason: Error, graceMs: number): Promise<void> {
    this.released = { reason, graceMs };
    await this.#step('release');
  }

  flush(): Promise<void> {
    return this.#step('flush');
  }

  close(): Promise<void> {
    return this.#step('close');
  }

  probe(): Promise<void> {
    return this.#step('probe');
  }

  reconfigure(changes: EngineChanges): void {
    this.changes.push(changes);
  }

  on<K extends keyof EngineEvents>(event: K, listener: (...args: EngineEvents[K]) => void): () => void {
    this.#listeners++;
    const off = this.#events.on(event, listener);
    return () => {
      this.#listeners--;
      off();
    };
  }

  /** An operation on store or broker failed, so many times. */
  fail(times = 1): void {
    for (let i = 0; i < times; i++) this.#events.emit('infrastructure.failed', new Error('connection refused'));
  }

  /** The broker's connection is gone. */
  lose(): void {
    this.#events.emit('infrastructure.lost', new Error('connection reset'));
  }

  recover(): void {
    this.#events.emit('infrastructure.ok');
  }

  end(task: TaskEvent): void {
    this.#events.emit('task', task);
  }

  tell<K extends keyof EngineEvents>(event: K, ...args: EngineEvents[K]): void {
    this.#events.emit(event, ...args);
  }

  async #step(step: Step): Promise<void> {
    this.calls.push(step);
    this.log.push(step);
    await this.does[step]?.();
  }
}
