/**
 * Workflows in memory, on a clock that the test turns: a delay of a day takes as long as the test takes to say so.
 * What runs them is the very engine that runs them in production.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { Baton } from '../client/baton.js';
import { RunHandle } from '../client/handle.js';
import { discard, type InMemory, inMemory, NAMESPACE } from '../client/in-memory.js';
import type { StartOptions } from '../client/start-options.js';
import type { RunStatus } from '../client/status.js';
import { BatonError } from '../core/baton-error.js';
import { type Duration, toMs } from '../core/duration.js';
import { ConfigError, LeaseLostError } from '../core/errors.js';
import type { Workflow } from '../core/flow.js';
import type { Logger } from '../core/logger.js';
import { limits } from '../runtime/limits.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import type { StoreSession } from '../store/store.js';

export interface HarnessOptions {
  /** Those that can be started. */
  readonly workflows: readonly Workflow[];
  /** What the clock shows at first. @default the time now */
  readonly startAt?: Date | number;
  /** A pino logger, for the tasks too. @default none */
  readonly logger?: Logger;
}

/** Neither time nor anything that is under way will end the run: it waits for a signal, or is paused. */
export class RunStuckError extends BatonError {
  constructor(
    readonly runId: string,
    why: string,
  ) {
    super('RUN_STUCK', `no time that passes ends run ${JSON.stringify(runId)}: it ${why}`);
  }
}

const KEYS = ['workflows', 'startAt', 'logger'];
/** No verdict on sessions is ever due: the clock may jump by years. */
const FOREVER_MS = Number.MAX_SAFE_INTEGER / 2;
/** How long it looks again at once before it waits for a task that takes its time. */
const BUSY_TURNS = 200;

/**
 * Throws a ConfigError on workflows that can't run in memory (transactional tasks).
 *
 * @example
 * await using harness = await createHarness({ workflows: [checkout] });
 * const run = await harness.start(checkout, order);
 * await harness.advance('24h');
 * expect(await run.status()).toEqual({ status: 'completed', output: 'refunded' });
 */
export async function createHarness(options: HarnessOptions): Promise<Harness> {
  refuseUnknown(options, KEYS, 'createHarness()');
  const { workflows, startAt = Date.now(), logger = pino({ level: 'silent' }) } = options;
  const clock = { now: new Date(startAt).getTime() };
  if (!Number.isFinite(clock.now)) throw new ConfigError(`startAt is no time: ${String(startAt)}`);
  const memory = inMemory({ workflows, id: 'harness', logger, now: () => clock.now });
  await memory.engine.define();
  await memory.engine.register();
  await memory.engine.consume();
  const session = await memory.connection.store.openSession({
    workerId: 'clock',
    ttlMs: FOREVER_MS,
    host: 'here',
    pid: process.pid,
  });
  return new Harness(memory, clock, session, workflows);
}

/** Made by `createHarness()`. Runs, signals and so on are as they are with `connect()`; only time stands still. */
export class Harness {
  readonly #baton: Baton;
  #closing: Promise<void> | undefined;

  /** @internal Use `createHarness()`. */
  constructor(
    private readonly memory: InMemory,
    private readonly clock: { now: number },
    private readonly session: StoreSession,
    private readonly workflows: readonly Workflow[],
  ) {
    this.#baton = new Baton(memory.connection);
  }

  /** What the clock shows: delays, back-offs and signal timeouts go by it. `Date.now()` in a task doesn't. */
  now(): Date {
    return new Date(this.clock.now);
  }

  /** As `baton.start()`. The run begins at once, and has got somewhere after `settle()`, `advance()` or `runToEnd()`. */
  start<In, Out>(workflow: Workflow<In, Out>, input: NoInfer<In>, options?: StartOptions): Promise<RunHandle<Out>> {
    if (!this.workflows.some(({ hash }) => hash === workflow.hash))
      throw new ConfigError(`this harness has no workflow ${workflow.name}: name it in createHarness({ workflows })`);
    return this.#baton.start(workflow, input, options);
  }

  /** As `baton.run()`. */
  run(id: string): RunHandle;
  run<In, Out>(workflow: Workflow<In, Out>, id: string): RunHandle<Out>;
  run(...args: [string] | [Workflow, string]): RunHandle {
    return args.length === 1 ? this.#baton.run(args[0]) : this.#baton.run(...args);
  }

  /**
   * Resolves when nothing moves any more: every run has ended, or waits for time, a signal or `resume()`. Tasks take
   * the real time that they take, timeouts of attempts too.
   */
  async settle(): Promise<void> {
    for (let turns = 0; !this.memory.state.isIdle(NAMESPACE); turns++) await (turns < BUSY_TURNS ? turn() : sleep(1));
  }

  /**
   * Turns the clock on. What falls due on the way does so in its order, each at its own instant, and whatever follows
   * from it runs before the next; resolves when nothing moves any more.
   *
   * @example await harness.advance('24h');
   */
  async advance(by: Duration): Promise<void> {
    const until = this.clock.now + toMs(by);
    await this.settle();
    for (let dueAt = await this.#nextDueAt(); dueAt !== undefined && dueAt <= until; dueAt = await this.#nextDueAt())
      await this.#turnTo(dueAt);
    this.clock.now = until;
  }

  /**
   * Turns the clock from one due time to the next until the run has ended, and answers or rejects as
   * `handle.result()` does. Rejects with RunStuckError where it waits for a signal without a timeout, or is paused.
   *
   * @example expect(await harness.runToEnd(checkout, order)).toBe('shipped');
   */
  runToEnd<Out>(run: RunHandle<Out>): Promise<Out>;
  runToEnd<In, Out>(workflow: Workflow<In, Out>, input: NoInfer<In>, options?: StartOptions): Promise<Out>;
  async runToEnd(first: object, input?: unknown, options?: StartOptions): Promise<unknown> {
    const run = first instanceof RunHandle ? (first as RunHandle) : await this.start(first as Workflow, input, options);
    for (;;) {
      await this.settle();
      const status = await run.status();
      if (['completed', 'failed', 'cancelled'].includes(status.status)) return run.result();
      const dueAt = await this.#nextDueAt();
      if (dueAt === undefined || status.status === 'paused') throw new RunStuckError(run.id, wordsFor(status));
      await this.#turnTo(dueAt);
    }
  }

  /** Whatever still runs is told to stop. Calling it again returns the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.session.close();
    await discard(this.memory, new LeaseLostError('the harness was closed'));
  }

  async #nextDueAt(): Promise<number | undefined> {
    return (await this.memory.connection.store.look(undefined, { owed: [] })).nextDueAt;
  }

  async #turnTo(dueAt: number): Promise<void> {
    this.clock.now = Math.max(this.clock.now, dueAt);
    const { store, dispatcher } = this.memory.connection;
    for (let more = true; more; ) {
      const { ready, nextDueAt } = await store.fireTimers(this.session.key, limits.timerBatch);
      await dispatcher.dispatch(ready);
      more = nextDueAt !== undefined && nextDueAt <= this.clock.now;
    }
    await this.settle();
  }
}

function wordsFor(status: RunStatus): string {
  if (status.status === 'awaiting_signal')
    return `waits for signal ${status.signal} at ${status.node}; send it with run.signal()`;
  return status.status === 'paused' ? 'is paused; go on with run.resume()' : `is ${status.status}`;
}
