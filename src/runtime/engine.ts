/**
 * A worker's engine: takes deliveries in, works on them under a session, and does the shared duties. It knows no
 * lifecycle: the worker's machine has it do one thing after the other, in the order that they stand in here.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryPhase } from '../../machines/delivery.js';
import type { Codec } from '../core/codec.js';
import type { Workflow } from '../core/flow.js';
import type { Logger } from '../core/logger.js';
import type { Message, QueueRow, ReadyActivation } from '../core/model.js';
import { treeToJson } from '../core/structure.js';
import type { Tree } from '../core/tree.js';
import { type EndedRun, SessionDeadError, type Store } from '../store/store.js';
import type { ControlNews, Delivery, QueueDepth, Transport, TransportState } from '../transport/transport.js';
import { away, isReachable, reachable } from './broker-reach.js';
import { Claims } from './claims.js';
import { deliver } from './deliver.js';
import type { Dispatcher, Published } from './dispatch.js';
import { Emitter } from './emitter.js';
import type { Engaged, LeaseOutcome, PhaseReport, TaskEvent } from './engaged.js';
import { Intake } from './intake.js';
import type { Leased } from './leased.js';
import { limits } from './limits.js';
import { LoopLag, standstill } from './loop-lag.js';
import { QueueWatch } from './queue-watch.js';
import type { QueueDirectory } from './queues.js';
import { Reconciler, type Rescue } from './reconcile.js';
import { Registry } from './registry.js';
import { StoreClock } from './store-clock.js';
import { Succession } from './succession.js';
import type { Tenure } from './tenure.js';
import { Timers } from './timers.js';
import { hasTransactions, refuseTransactions } from './transactional.js';
import { persistentReader } from './values.js';

export interface EngineOptions {
  readonly store: Store;
  readonly transport: Transport;
  readonly queues: QueueDirectory;
  readonly dispatcher: Dispatcher;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly namespace: string;
  /** Stores what comes before the first run of a workflow, for tasks that start runs in their transactions. */
  readonly prepare?: (trees: readonly Tree[]) => Promise<void>;
  readonly workflows: readonly Workflow[];
  readonly id: string;
  readonly concurrency: number;
  readonly prefetch?: number;
  readonly tags: readonly string[];
  readonly leaseTtlMs: number;
  readonly agingIntervalMs: number;
  readonly eagerHops?: number;
  /** False: it fires no timers; somebody else does, on a clock of their own. @default true */
  readonly timers?: boolean;
}

/** What can change while it runs. */
export type EngineChanges = Partial<Pick<EngineOptions, 'concurrency' | 'prefetch' | 'leaseTtlMs' | 'agingIntervalMs'>>;

export type EngineEvents = {
  task: [TaskEvent];
  /** An operation on store or broker failed: the breaker counts these. */
  'infrastructure.failed': [error: unknown];
  /** One succeeded after a failure. */
  'infrastructure.ok': [];
  /** The connection to the broker is gone; it comes back by itself. */
  'infrastructure.lost': [error: unknown];
  /** A lease was asked for. */
  lease: [LeaseOutcome];
  /** A run ended here. */
  ended: [EndedRun];
  /** Something lost was found. */
  rescue: [Rescue];
  /** Messages were published on the connection, by whomever. */
  published: [Published];
  /** A delivery entered a phase of `machines/delivery.ts`; with `executing` comes what is executed. */
  phase: [Message, DeliveryPhase, Leased?];
};

export interface QueueState extends QueueDepth {
  readonly queue: QueueRow;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #events: Emitter<EngineEvents>;
  readonly #registry: Registry;
  readonly #clock = new StoreClock();
  readonly #sessions: Succession;
  readonly #timers: Timers;
  readonly #claims: Claims;
  readonly #reconciler: Reconciler;
  readonly #intake: Intake;
  readonly #queues: QueueWatch;
  readonly #loop = new LoopLag((ms) => this.#stoodStill(ms));
  readonly #subscriptions: (() => void)[] = [];
  #engaged: Engaged | undefined;
  /** Aborted while no delivery is taken: leasing isn't repeated then. */
  #leasing = new AbortController();
  readonly #closed = new AbortController();
  #troubled = false;
  #quiescing = false;

  constructor(options: EngineOptions) {
    if (options.store.transactions === 'none') refuseTransactions(options.workflows);
    this.#options = options;
    const { store, transport, dispatcher, logger } = options;
    this.#events = new Emitter((error) => logger.error({ err: error }, 'an event listener threw'));
    this.#registry = new Registry(options.workflows, options.tags);
    this.#sessions = new Succession({
      store,
      logger,
      workerId: options.id,
      leaseTtlMs: options.leaseTtlMs,
      signal: this.#closed.signal,
      begun: (tenure) => {
        this.#engaged = this.#engage(tenure);
        tenure.leases.handle.onTold((told) => {
          if (told.kind === 'started') this.#claims.wake();
          else tenure.controlled(told.run);
        });
        this.#claims.wake();
      },
      lost: () => {
        this.#engaged = undefined;
        this.#intake.suspend();
      },
      settled: () => this.#intake.resume(),
      owed: (ready) => void dispatcher.dispatch(ready),
      failed: (error) => this.#failed(error),
      recovered: () => this.#recovered(),
    });
    this.#timers = new Timers(
      { fireTimers: (limit) => this.#fireTimers(limit) },
      this.#clock,
      (ready) => void dispatcher.dispatch(ready),
      (error) => this.#failed(error),
    );
    if (options.timers === false) this.#timers.stop();
    this.#claims = new Claims({
      store,
      dispatcher,
      timers: this.#timers,
      session: () => this.#sessions.tenure?.leases.session,
      onError: (error) => this.#failed(error),
    });
    this.#reconciler = new Reconciler({
      store,
      transport,
      dispatcher,
      registry: this.#registry,
      clock: this.#clock,
      timers: this.#timers,
      session: () => this.#sessions.tenure?.leases.session,
      watched: () => this.#intake.watched(),
      ended: (run) => this.#ended(run),
      onRescue: (rescue) => rescue.count > 0 && this.#events.emit('rescue', rescue),
      onDeadSession: (error) => this.#sessions.die(error),
      onError: (error) => this.#failed(error),
      onLooked: (queues) => {
        this.#recovered();
        this.#queues.compare(queues);
      },
    });
    this.#intake = new Intake({
      transport,
      clock: this.#clock,
      concurrency: options.concurrency,
      prefetch: options.prefetch,
      agingIntervalMs: options.agingIntervalMs,
      work: (delivery) => this.#work(delivery),
      onError: (error) => this.#failed(error),
    });
    this.#queues = new QueueWatch({
      read: () => options.queues.refresh(),
      fits: (queue) => this.#registry.fits(queue),
      found: (queues) => this.#intake.add(queues),
      onError: (error) => this.#failed(error),
    });
  }

  /** What the queues that this worker takes from have ready, and who consumes them; without those that nobody can tell. */
  async depths(): Promise<QueueState[]> {
    const { transport } = this.#options;
    const asked = this.#intake.known().map(async (queue) => ({ queue, depth: await transport.depth(queue.name) }));
    const answers = await Promise.all(asked);
    return answers.flatMap(({ queue, depth }) => (depth === undefined ? [] : [{ queue, ...depth }]));
  }

  /** Activations that this worker runs or is about to. */
  get inFlight(): number {
    return this.#intake.running;
  }

  on<K extends keyof EngineEvents>(event: K, listener: (...args: EngineEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  /** Writes the definitions. Rejects when the store is away. */
  async define(): Promise<void> {
    const { store, workflows, prepare } = this.#options;
    for (const tree of this.#registry.trees()) {
      const structure = JSON.stringify(treeToJson(tree));
      await store.putDefinition({ workflow: tree.name, hash: tree.hash, structure });
    }
    if (hasTransactions(workflows)) await prepare?.(this.#registry.trees());
  }

  /** Resolves when the broker is there, which it may come to be. Rejects with a ConnectionError when the time is over. */
  reachBroker(limitMs: number, signal: AbortSignal): Promise<void> {
    return reachable(this.#options.transport, limitMs, signal);
  }

  /** Reads which queues are to be consumed. Rejects when the store is away. */
  async learnQueues(): Promise<void> {
    this.#intake.add(await this.#queues.read());
  }

  /** Opens the session; starts heartbeats, duties and timers. Rejects when the store is away. */
  async register(): Promise<void> {
    const { store, transport, dispatcher } = this.#options;
    await this.#sessions.open();
    this.#subscriptions.push(
      transport.onNews((news) => this.#heard(news)),
      dispatcher.onPublished((published) => this.#events.emit('published', published)),
      transport.onState((state) => this.#brokerIs(state)),
    );
    this.#reconciler.start();
    this.#loop.start();
    if (store.transactions !== 'none') this.#claims.start();
  }

  /** Takes deliveries from now on, also again after `quiesce()`. Rejects when the store is away. */
  async consume(): Promise<void> {
    this.#quiescing = false;
    const leasing = new AbortController();
    this.#leasing = leasing;
    const queues = await this.#queues.start();
    // Told otherwise meanwhile.
    leasing.signal.throwIfAborted();
    await this.#intake.consume(queues);
  }

  /** Takes no delivery any more and gives back what isn't leased; what runs goes on. */
  async quiesce(): Promise<void> {
    this.#quiescing = true;
    this.#leasing.abort(new Error('the worker takes no more work'));
    await this.#queues.stop();
    await this.#intake.quiesce();
  }

  /** Resolves true when nothing is in flight any more, false when the budget ran out first. */
  async drain(budgetMs: number): Promise<boolean> {
    const until = performance.now() + budgetMs;
    while (this.inFlight > 0 && performance.now() < until) await sleep(Math.min(20, budgetMs));
    return this.inFlight === 0;
  }

  /**
   * Aborts what still runs, waits up to `graceMs` for statements under way, and hands the leases back: they run
   * elsewhere at once, without a loss.
   */
  async release(reason: Error, graceMs: number): Promise<void> {
    const { tenure } = this.#sessions;
    if (tenure === undefined) return;
    tenure.leases.interrupt(reason);
    await this.drain(graceMs);
    tenure.leases.ended.abort(reason);
    try {
      await this.#options.dispatcher.dispatch(await tenure.leases.handBack());
    } catch (error) {
      // The session's death does it then, a moment later and at the price of a loss.
      this.#failed(error);
    }
  }

  /** Resolves when whatever this process has published is confirmed, or given up. */
  flush(): Promise<void> {
    return this.#options.dispatcher.settled();
  }

  /** Ends duties, timers, heartbeats and the session; also after a failed `register()`. Store and transport stay open. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the worker stopped'));
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#timers.stop();
    this.#loop.stop();
    this.#intake.close();
    await Promise.all([this.#queues.stop(), this.#reconciler.stop(), this.#claims.stop()]);
    await this.#sessions.close();
  }

  reconfigure({ leaseTtlMs, ...intake }: EngineChanges): void {
    this.#intake.reconfigure(intake);
    if (leaseTtlMs !== undefined) this.#sessions.leaseTtlMs = leaseTtlMs;
  }

  /** Rejects with a ConnectionError unless store and broker can be used. */
  async probe(): Promise<void> {
    const { store, transport } = this.#options;
    await store.ping();
    if (!isReachable(transport.state)) throw away(transport.state);
  }

  // ---------------------------------------------------------------------------------------- deliveries

  #work(delivery: Delivery): Promise<void> {
    if (this.#engaged !== undefined) return deliver(delivery, this.#engaged);
    delivery.giveBack();
    return Promise.resolve();
  }

  #brokerIs(state: TransportState): void {
    if (state === 'down') this.#events.emit('infrastructure.lost', away(state));
    if (state !== 'up') return;
    this.#queues.wake();
    // What control did meanwhile was announced to nobody.
    this.#sessions.tenure?.beat();
    // A breaker that waits for the broker needn't sit out its back-off.
    this.#events.emit('infrastructure.ok');
  }

  #heard(news: ControlNews): void {
    switch (news.kind) {
      case 'queue.added':
        this.#queues.wake();
        break;
      case 'run.controlled':
        this.#sessions.tenure?.controlled(news.run);
        break;
      case 'timer.set':
        this.#timers.within(news.inMs);
        break;
    }
  }

  #engage(tenure: Tenure): Engaged {
    const { leases, settling } = tenure;
    const { namespace, queues, dispatcher, logger, eagerHops = limits.eagerHops } = this.#options;
    const engine = this;
    return {
      namespace,
      leases,
      registry: this.#registry,
      queues,
      dispatcher,
      logger,
      settling,
      leasing: {
        failed: settling.failed,
        recovered: settling.recovered,
        get signal() {
          return settling.signal.aborted ? settling.signal : engine.#leasing.signal;
        },
      },
      reader: persistentReader(this.#options, settling),
      get eagerHops() {
        return engine.#quiescing ? 0 : eagerHops;
      },
      urgentWaits: (priority) => this.#intake.urgentWaits(priority),
      wakeDuties: () => this.#reconciler.wake(),
      beat: () => tenure.beat(),
      dueIn: (ms) => this.#timers.within(ms),
      ended: (run) => this.#ended(run),
      reportTask: (event) => this.#reportTask(event),
      reportLease: (outcome) => this.#events.emit('lease', outcome),
      failedDelivery: (error) => this.#failedDelivery(error),
      track: (message) => this.#track(message),
    };
  }

  // -------------------------------------------------------------------------------------------- events

  async #fireTimers(limit: number) {
    const session = this.#sessions.tenure?.leases.session;
    // Without a session nothing fires here; the duties of the next one see what is due.
    if (session === undefined) return { ready: [] as ReadyActivation[], nextDueAt: undefined };
    return this.#options.store.fireTimers(session, limit);
  }

  #ended(run: EndedRun): void {
    this.#events.emit('ended', run);
    this.#options.dispatcher.announceEnd(run);
  }

  #reportTask(event: TaskEvent): void {
    this.#events.emit('task', event);
    if (event.outcome !== 'failed') return;
    const topic = `task.failed.${event.workflow}.${event.taskId.replaceAll('/', '.')}`;
    this.#options.transport.emit({ topic, body: { ...event } });
  }

  #track(message: Message): PhaseReport {
    return (phase, leased) => this.#events.emit('phase', message, phase, leased);
  }

  #failedDelivery(error: unknown): void {
    if (error instanceof SessionDeadError) this.#sessions.die(error);
    else if (!this.#leasing.signal.aborted && !this.#closed.signal.aborted) this.#failed(error);
  }

  #stoodStill(ms: number): void {
    const { leaseTtlMs } = this.#sessions;
    const tasks = this.#sessions.tenure?.leases.atWork() ?? [];
    this.#options.logger.warn({ stoodStillMs: Math.round(ms), leaseTtlMs, tasks }, standstill(ms, leaseTtlMs));
  }

  #failed(error: unknown): void {
    if (error instanceof SessionDeadError) {
      this.#sessions.die(error);
      return;
    }
    this.#troubled = true;
    this.#events.emit('infrastructure.failed', error);
  }

  #recovered(): void {
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#events.emit('infrastructure.ok');
  }
}
