/**
 * Plays in memory, on a clock that stands still until it is turned: store, queues, and a worker's engine that can die
 * between any two statements. Whoever turns the clock fires the timers, and finds out who is dead.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import { NonRetryableError } from '../../../src/core/errors.js';
import type { TaskContext, Workflow } from '../../../src/core/flow.js';
import * as lib from '../../../src/core/flow.js';
import { Engine } from '../../../src/runtime/engine.js';
import { limits } from '../../../src/runtime/limits.js';
import type { Space } from '../../../src/store/memory/space.js';
import { MemoryState } from '../../../src/store/memory/state.js';
import { MemoryStore } from '../../../src/store/memory/store.js';
import type { Store, StoreSession } from '../../../src/store/store.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { plannedWorkflow } from '../../fixtures/planned-workflow.mjs';
import { silent } from '../silent.js';
import type { Driver } from './driver.js';
import { MortalStore } from './mortal-store.js';
import { PLANS, stepAt } from './plans.js';
import { Stage } from './stage.js';

const TICK_MS = 60_000;
/** Longer than any sequence on the clock that is turned, so that no verdict is due by time: who is dead says `restart`. */
const FOREVER_MS = 30 * 24 * 3_600_000;
/** Event loop turns without a statement after which nothing moves any more. */
const QUIET_TURNS = 8;

/** By namespace: whose tasks they are. */
const casts = new Map<string, InMemoryDriver>();
let namespaces = 0;

const workflows: ReadonlyMap<string, Workflow> = new Map(
  [...PLANS.values()].map((plan) => [plan.name, plannedWorkflow(lib, plan, TICK_MS, decide) as Workflow]),
);

function decide(ctx: TaskContext): Promise<number> {
  const [namespace, run] = ctx.idempotencyKey.split(':') as [string, string];
  return casts.get(namespace)!.decide(ctx, run);
}

/** @param plant changes what the client's store does, on what all of them share */
export async function openInMemory(plant?: (store: Store, space: Space) => Partial<Store>): Promise<Driver> {
  const namespace = `model-${namespaces++}`;
  const driver = new InMemoryDriver(namespace, plant);
  casts.set(namespace, driver);
  await driver.open();
  return driver;
}

class InMemoryDriver implements Driver {
  readonly timed = true;
  readonly tickMs = TICK_MS;
  readonly patienceMs = 0;
  readonly mostDeaths = Number.POSITIVE_INFINITY;
  readonly workflows = workflows;
  readonly stage = new Stage();
  readonly store: Store;
  readonly baton: Baton;
  readonly #state = new MemoryState({ now: () => this.#now });
  readonly #broker = new InProcessBroker();
  readonly #client: Connection;
  readonly #ends: Promise<void>[] = [];
  #clock: StoreSession | undefined;
  #worker: Worker | undefined;
  #workers = 0;
  /** Sessions of the worker that died last. */
  #dead: readonly string[] = [];
  readonly #plans = new Set<string>();
  #now = 0;

  constructor(
    readonly namespace: string,
    plant: Parameters<typeof openInMemory>[0],
  ) {
    const store = new MemoryStore(this.#state, { namespace });
    this.store = Object.assign(
      store,
      plant?.(new MemoryStore(this.#state, { namespace }), this.#state.space(namespace)),
    );
    this.#client = this.#connect(this.store);
    this.baton = new Baton(this.#client);
  }

  async open(): Promise<void> {
    this.#clock = await this.store.openSession({ workerId: 'clock', ttlMs: FOREVER_MS, host: 'here', pid: 0 });
    // A queue that is news to a worker is consumed a moment later.
    const queues = [...workflows.values()].map(
      ({ name: workflow, hash }) => ({ workflow, hash, tags: [], priority: 3 }) as const,
    );
    await this.store.ensureQueues(queues);
    await this.#employ();
  }

  now(): number {
    return this.#now;
  }

  async expect(plan: string): Promise<void> {
    if (this.#plans.has(plan)) return;
    this.#plans.add(plan);
    if (this.#worker !== undefined) await this.#engage(this.#worker, plan);
  }

  async settle(): Promise<void> {
    for (let quiet = 0, seen = -1; quiet < QUIET_TURNS; quiet++) {
      await turn();
      const statements = this.#worker?.store.statements ?? 0;
      if (statements !== seen) quiet = 0;
      seen = statements;
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    for (let dueAt = await this.#nextDueAt(); dueAt !== undefined && dueAt <= until; dueAt = await this.#nextDueAt()) {
      this.#now = Math.max(this.#now, dueAt);
      const { ready } = await this.store.fireTimers(this.#clock!.key, limits.timerBatch);
      await this.#client.dispatcher.dispatch(ready);
      await this.settle();
    }
    this.#now = until;
  }

  async crash(first?: { readonly act: () => void; readonly moments: number }): Promise<void> {
    const worker = this.#worker!;
    if (first !== undefined) {
      worker.store.dieWithin(first.moments);
      first.act();
      await this.settle();
    }
    worker.store.die();
    this.#worker = undefined;
    this.stage.forget(worker.name);
    this.#dead = worker.store.sessions;
    for (const session of this.#dead) this.#state.abandon(session);
    await worker.connection.transport.close();
    // What is left of it in this process.
    this.#ends.push(...worker.engines.map((engine) => engine.close()));
  }

  async restart(): Promise<void> {
    await this.#employ();
    await this.#bury();
  }

  async close(): Promise<void> {
    if (this.#worker !== undefined) await this.crash();
    await Promise.all(this.#ends);
    await this.baton.close();
    casts.delete(this.namespace);
  }

  /** Its number, or what the function throws. */
  async decide({ path, taskId: task, attempt, signal }: TaskContext, run: string): Promise<number> {
    // A process that died begins nothing.
    if (this.#worker === undefined) return new Promise(() => {});
    let number = 0;
    const fate = await this.stage.begin({ run, path, task, attempt, worker: this.#worker.name }, (execution) => {
      number = execution.number;
      signal.addEventListener('abort', () => (execution.aborted = (signal.reason as Error).name));
    });
    if (fate === 'fail') throw new Error(`${task} fails`);
    if (fate === 'refuse') throw new NonRetryableError(`${task} fails`);
    return number;
  }

  #connect(store: Store): Connection {
    const transport = new InProcessTransport(this.#broker, this.namespace);
    return new Connection({ store, transport, namespace: this.namespace, codec: jsonCodec, logger: silent });
  }

  /** A process that works on every plan that was needed so far. */
  async #employ(): Promise<void> {
    const store = new MortalStore(new MemoryStore(this.#state, { namespace: this.namespace }));
    this.#worker = { name: `worker ${++this.#workers}`, store, connection: this.#connect(store.store), engines: [] };
    for (const plan of this.#plans) await this.#engage(this.#worker, plan);
  }

  /** An engine of its own for each plan: one that has several queues first waits for what comes from all of them. */
  async #engage({ name, connection, engines }: Worker, plan: string): Promise<void> {
    const { store, transport, queues, dispatcher, codec, logger } = connection;
    const engine = new Engine({
      ...{ store, transport, queues, dispatcher, codec, logger },
      namespace: this.namespace,
      workflows: [workflows.get(plan)!],
      id: name,
      concurrency: 100,
      tags: [],
      leaseTtlMs: FOREVER_MS,
      agingIntervalMs: 300_000,
      timers: false,
    });
    engines.push(engine);
    await engine.define();
    await engine.register();
    await engine.consume();
  }

  async #bury(): Promise<void> {
    const { key } = this.#clock!;
    const { dispatcher } = this.#client;
    await this.store.judge(key, this.#dead);
    for (;;) {
      const { ready, poisoned } = await this.store.sweep(key, { limit: limits.sweepLimit, poisonAt: limits.poisonAt });
      await dispatcher.dispatch(ready);
      for (const activation of poisoned) {
        const [row] = await this.store.runs([activation.run]);
        const task = stepAt({ plan: row!.workflow }, activation.path).id;
        const ended = await this.store.poison(key, activation, { error: { name: 'Error', message: 'poisoned' }, task });
        if (ended !== undefined) dispatcher.announceEnd(ended);
      }
      if (ready.length + poisoned.length === 0) return;
    }
  }

  async #nextDueAt(): Promise<number | undefined> {
    return (await this.store.look(undefined, { owed: [] })).nextDueAt;
  }
}

interface Worker {
  readonly name: string;
  readonly store: MortalStore;
  readonly connection: Connection;
  readonly engines: Engine[];
}
