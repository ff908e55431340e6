/** How soon control takes effect, on the services as they are, and on a broker that carries nothing. */
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import type { RunHandle } from '../../../src/client/handle.js';
import { RunCancelledError } from '../../../src/core/errors.js';
import { flow, task } from '../../../src/core/flow.js';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { CuttableProxy } from '../../support/cuttable-proxy.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { percentile, percentiles } from '../../support/percentiles.js';
import { RabbitMqServer } from '../../support/rabbitmq-server.js';
import { silent } from '../../support/silent.js';

vi.setConfig({ testTimeout: 120_000 });

const EFFECTIVE_MS = 250;
/** Of the measurements, for machines that are busy with something else now and then; a heartbeat comes after 10 s. */
const SHARE = process.env.BATON_LONG ? 0.99 : 0.9;
const LATEST_MS = 3_000;
const ROUNDS = process.env.BATON_LONG ? 300 : 100;
const AT_ONCE = 4;

let database: TestDatabase;
const namespace = uniqueName('latency');
const rabbitmq = inject('amqpUrl');
const batons: Baton[] = [];

/** When something happened to a run's input, by `performance.now()`. */
const at = new Map<string, number>();
const waiters = new Map<string, () => void>();
function happened(what: string): void {
  at.set(what, performance.now());
  waiters.get(what)?.();
}
/** Resolves with the time at which it happened. */
async function time(what: string): Promise<number> {
  if (!at.has(what)) {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not within ${LATEST_MS} ms: ${what}`)), LATEST_MS);
      waiters.set(what, () => {
        clearTimeout(late);
        resolve();
      });
    });
  }
  return at.get(what) as number;
}

const gates = new Map<string, () => void>();
const first = task('first', async (input: string) => {
  const gate = new Promise<void>((resolve) => gates.set(input, resolve));
  happened(`${input}: first begun`);
  await gate;
  return input;
});
const second = task(
  'second',
  (input: string, { signal }) =>
    new Promise<void>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        expect(signal.reason).toBeInstanceOf(RunCancelledError);
        happened(`${input}: told "${signal.reason.reason}"`);
        reject(signal.reason);
      });
      happened(`${input}: second begun`);
    }),
);
const steps = flow<string>('steps').then(first).then(second).build();

beforeAll(async () => {
  database = await createDatabase();
});
afterEach(async () => {
  for (const baton of batons.splice(0)) await baton.close();
});
afterAll(async () => {
  await deleteQueues(rabbitmq, namespace, database.url);
  await database.drop();
});

/** One more process of the namespace. */
async function connectTo(broker: string, own = namespace): Promise<Baton> {
  const baton = await connect({ postgres: database.url, rabbitmq: broker, namespace: own, logger: silent });
  batons.push(baton);
  return baton;
}

/** Measures from a call to what comes of it. */
class Latencies {
  readonly #all = new Map<string, number[]>();

  async measure(what: string, call: () => Promise<unknown>, ...effects: [string, Promise<number>][]): Promise<void> {
    const since = performance.now();
    const acknowledged = call().then(() => performance.now());
    const all = [[`${what} → acknowledged`, acknowledged] as const, ...effects];
    await Promise.all(
      all.map(async ([effect, moment]) => {
        const took = (await moment) - since;
        this.#all.set(effect, [...(this.#all.get(effect) ?? []), took]);
      }),
    );
  }

  /** Prints them, and fails where one took too long. */
  expectInTime(): void {
    for (const [effect, took] of this.#all) console.log(`${effect}: ${percentiles(took)}`);
    for (const [effect, took] of this.#all) expect(percentile(took, SHARE), effect).toBeLessThan(EFFECTIVE_MS);
  }
}

const rejection = (run: RunHandle<unknown>): Promise<number> =>
  run.result({ timeout: LATEST_MS }).then(
    () => Promise.reject(new Error('it completed')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(RunCancelledError);
      return performance.now();
    },
  );

async function open(gate: string): Promise<void> {
  await time(`${gate}: first begun`);
  gates.get(gate)?.();
}

test(`cancel, resume and terminate_existing take effect within ${EFFECTIVE_MS} ms`, async () => {
  const [client, other, workers] = [await connectTo(rabbitmq), await connectTo(rabbitmq), await connectTo(rabbitmq)];
  await workers.worker({ workflows: [steps], concurrency: 20 }).start();
  const latencies = new Latencies();

  const round = async (number: number): Promise<void> => {
    const [id, old, young] = [`run ${number}`, `old ${number}`, `young ${number}`];
    const run = await client.start(steps, old, { id });
    await time(`${old}: first begun`);
    await run.pause();
    await open(old);
    await expect.poll(async () => (await run.describe()).nodes[1]?.state, { interval: 5 }).toBe('held');
    await latencies.measure('resume', () => other.run(id).resume(), [
      'resume → next task',
      time(`${old}: second begun`),
    ]);

    const terminate = () => other.start(steps, young, { id, conflict: 'terminate_existing' });
    await latencies.measure(
      'terminate_existing',
      terminate,
      ['terminate_existing → AbortSignal', time(`${old}: told "terminated by a new start of the same id"`)],
      ['terminate_existing → result', rejection(run)],
      ['terminate_existing → the new run’s task', time(`${young}: first begun`)],
    );

    const [here, there] = [client.run(id), other.run(id)];
    await open(young);
    await time(`${young}: second begun`);
    await latencies.measure(
      'cancel',
      () => here.cancel({ reason: 'enough' }),
      ['cancel → AbortSignal', time(`${young}: told "enough"`)],
      ['cancel → result, where it was started', rejection(there)],
      ['cancel → result, elsewhere', rejection(workers.run(id))],
    );
    expect(await there.status()).toEqual({ status: 'cancelled', reason: 'enough' });
  };

  let next = 0;
  const lane = async () => {
    while (next < ROUNDS) await round(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  latencies.expectInTime();
});

/** Cancels tasks at work while the client's broker connection, or all of them, carry nothing. */
async function cancelAll(latencies: Latencies, inputs: readonly string[], client: Baton): Promise<void> {
  for (const input of inputs) {
    await latencies.measure(
      'cancel',
      () => client.run(input).cancel({ reason: 'enough' }),
      ['cancel → AbortSignal', time(`${input}: told "enough"`)],
      ['cancel → result, in the same process', rejection(client.run(input))],
    );
  }
}

async function atWork(client: Baton, prefix: string): Promise<string[]> {
  const inputs = Array.from({ length: 20 }, (_, i) => `${prefix} ${i}`);
  await client.startMany(steps, inputs, { id: (input) => input });
  for (const input of inputs) await open(input);
  for (const input of inputs) await time(`${input}: second begun`);
  return inputs;
}

async function carriesNothing(client: Baton): Promise<void> {
  await expect.poll(async () => (await client.health()).checks.rabbitmq?.ok, { timeout: 5_000 }).toBe(false);
}

test('a cancel reaches tasks as soon while RabbitMQ is away: Postgres tells the workers', async () => {
  const { hostname, port } = new URL(rabbitmq);
  const proxy = new CuttableProxy(hostname, Number(port || 5672));
  await proxy.listen();
  const through = Object.assign(new URL(rabbitmq), { hostname: '127.0.0.1', port: String(proxy.port) }).href;
  const [client, workers] = [await connectTo(through), await connectTo(through)];
  await workers.worker({ workflows: [steps], concurrency: 20 }).start();
  const inputs = await atWork(client, 'away');
  await proxy.setDown(true);
  await carriesNothing(client);
  const latencies = new Latencies();
  await cancelAll(latencies, inputs, client);
  latencies.expectInTime();
  await proxy.setDown(false);
  for (const baton of batons.splice(0)) await baton.close();
  await proxy.close();
});

/** With a broker of its own, which takes its time to start; short runs have the same in memory. */
const blocked = async () => {
  const broker = await RabbitMqServer.create();
  await broker.start();
  try {
    const own = uniqueName('blocked');
    const [client, workers] = [await connectTo(broker.url, own), await connectTo(broker.url, own)];
    await workers.worker({ workflows: [steps], concurrency: 20 }).start();
    const inputs = await atWork(client, 'blocked');
    await broker.setMemoryAlarm(true);
    // It says so to whoever publishes.
    await client.start(steps, 'refused');
    await carriesNothing(client);
    const latencies = new Latencies();
    await cancelAll(latencies, inputs, client);
    latencies.expectInTime();
    await broker.setMemoryAlarm(false);
    for (const baton of batons.splice(0)) await baton.close();
  } finally {
    await broker.close();
  }
};
if (process.env.BATON_LONG) test('a cancel reaches tasks as soon while RabbitMQ takes no messages', blocked);
