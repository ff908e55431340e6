/**
 * Plays on Postgres and RabbitMQ, in real time, with worker processes that are killed. Many sequences are played at the
 * same time on one worker: it dies when all of them have come to where it does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import type { Workflow } from '../../../src/core/flow.js';
import * as lib from '../../../src/core/flow.js';
import { PostgresStore } from '../../../src/store/postgres/store.js';
import type { Store } from '../../../src/store/store.js';
import { RabbitMqTransport } from '../../../src/transport/rabbitmq.js';
import { plannedWorkflow } from '../../fixtures/planned-workflow.mjs';
import { silent } from '../silent.js';
import type { Services } from '../workers.js';
import type { Driver } from './driver.js';
import { ModelWorker } from './model-worker.js';
import { PLANS } from './plans.js';
import { Stage } from './stage.js';

const TICK_MS = 40;
/** How long a moment of a death is. */
const MOMENT_MS = 2;

export interface TheatreOptions {
  /** Changes what the client's store does. */
  readonly plant?: (store: PostgresStore) => Partial<Store>;
  /** @default 15 s */
  readonly patienceMs?: number;
  /** At most 1: what lost two workers runs alone in its process, and sequences would wait for each other. @default 1 */
  readonly mostDeaths?: number;
}

type First = Parameters<Driver['crash']>[0];

interface Arrival {
  readonly first: First;
  readonly met: () => void;
}

export class Theatre {
  readonly stage = new Stage();
  readonly baton: Baton;
  readonly workflows: ReadonlyMap<string, Workflow>;
  #active: ModelWorker | undefined;
  #next: ModelWorker;
  #playing = 0;
  #arrived: Arrival[] = [];
  /** Resolves when a worker is at work. */
  #up: Promise<void>;
  #relieved: () => void = () => {};

  static async open(services: Services, options: TheatreOptions = {}): Promise<Theatre> {
    const { postgres, rabbitmq: url, namespace } = services;
    const plain = await PostgresStore.connect({ postgres, namespace, onError: () => {} });
    const store = planted(plain, options.plant?.(plain) ?? {});
    const transport = await RabbitMqTransport.connect({ url, namespace, logger: silent });
    const connection = new Connection({ store, transport, namespace, codec: jsonCodec, logger: silent });
    return new Theatre(services, store, connection, options);
  }

  private constructor(
    private readonly services: Services,
    readonly store: Store,
    connection: Connection,
    private readonly options: TheatreOptions,
  ) {
    this.baton = new Baton(connection);
    const never = () => Promise.reject(new Error('the client runs nothing'));
    this.workflows = new Map(
      [...PLANS.values()].map((plan) => [plan.name, plannedWorkflow(lib, plan, TICK_MS, never) as Workflow]),
    );
    this.#next = this.#hire();
    this.#up = this.#relieve();
  }

  /** For one sequence. */
  async driver(): Promise<Driver> {
    await this.#up;
    this.#playing++;
    const { baton, store, stage, workflows } = this;
    return {
      ...{ baton, store, stage, workflows },
      tickMs: TICK_MS,
      timed: false,
      patienceMs: this.options.patienceMs ?? 15_000,
      mostDeaths: this.options.mostDeaths ?? 1,
      expect: async () => {},
      now: () => Date.now(),
      settle: async () => {},
      pass: (ms) => sleep(ms),
      crash: (first) => this.#meet(first),
      restart: () => this.#meet(undefined),
      close: async () => {
        this.#playing--;
        await this.#raise();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#active?.kill(), this.#next.kill()]);
    await this.baton.close();
  }

  /** Resolves when all who play have come here, and it has happened. */
  async #meet(first: First): Promise<void> {
    const met = new Promise<void>((resolve) => this.#arrived.push({ first, met: resolve }));
    await this.#raise();
    await met;
  }

  async #raise(): Promise<void> {
    if (this.#arrived.length === 0 || this.#arrived.length < this.#playing) return;
    const arrived = this.#arrived.splice(0);
    if (this.#active === undefined) await this.#relieve();
    else await this.#die(this.#active, arrived);
    for (const { met } of arrived) met();
  }

  async #die(worker: ModelWorker, arrived: readonly Arrival[]): Promise<void> {
    this.#up = new Promise((resolve) => {
      this.#relieved = resolve;
    });
    await this.#next.ready;
    for (const { first } of arrived) first?.act();
    await sleep(Math.max(...arrived.map(({ first }) => first?.moments ?? 0)) * MOMENT_MS);
    await worker.kill();
    this.stage.forget(worker.name);
    this.#active = undefined;
  }

  /** The next worker takes over, and another waits behind it. */
  async #relieve(): Promise<void> {
    await this.#next.ready;
    await this.#next.work();
    this.#active = this.#next;
    this.#next = this.#hire();
    this.#relieved();
  }

  #hire(): ModelWorker {
    return new ModelWorker(this.services, { plans: [...PLANS.values()], tickMs: TICK_MS }, this.stage);
  }
}

function planted(store: PostgresStore, plant: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, verb) => {
      const value: unknown = Reflect.get(plant, verb) ?? Reflect.get(target, verb);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
