/** What happens to the broker, or to what it holds, while the load goes on: everything completes by itself. */
import { type Channel, type ConsumeMessage, connect as connectToBroker } from 'amqplib';
import { type Baton, connect } from 'batonmq';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { uniqueName } from '../../../src/testing/services/own-namespace.js';
import { fan } from '../../fixtures/workflows.mjs';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { byActivation, createLedger, type Ledger } from '../../support/ledger.js';
import { feed } from '../../support/load.js';
import { RabbitMqServer } from '../../support/rabbitmq-server.js';
import { type Services, startWorker, type WorkerProcess } from '../../support/workers.js';

const LOAD = { runs: process.env.BATON_LONG ? 1_000 : 200, atOnce: 50, everyMs: 1_000 };
const ACTIVATIONS_PER_RUN = 8;
/** From the fault's end to the end of the last run that was started before it. */
const RECOVERY_MS = 10_000;

const silent = pino({ level: 'silent' });

let broker: RabbitMqServer;
let database: TestDatabase;
let ledger: Ledger;
let services: Services;
let baton: Baton;
let workers: WorkerProcess[];

beforeAll(async () => {
  broker = await RabbitMqServer.create();
  await broker.start();
}, 60_000);

beforeEach(async () => {
  database = await createDatabase();
  ledger = await createLedger(database.url);
  services = { postgres: database.url, rabbitmq: broker.url, namespace: uniqueName('fault') };
  baton = await connect({ ...services, logger: silent });
  workers = await Promise.all([0, 1].map(() => startWorker('workflows.mjs', services, ['--concurrency', '20'])));
}, 60_000);

afterEach(async () => {
  const codes = await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await baton.close();
  await ledger.close();
  await database.drop();
  expect(codes).toEqual([0, 0]);
});

afterAll(async () => {
  await broker.close();
});

/** The names of all task queues. */
async function taskQueues(): Promise<string[]> {
  const names = (await broker.ctl('list_queues', 'name')).split('\n').map((line) => line.trim());
  return names.filter((name) => name.startsWith(`baton.${services.namespace}.fan@`));
}

/** Uses the broker as an operator does, by hand. */
async function byHand(work: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connectToBroker(broker.url);
  try {
    const channel = await connection.createChannel();
    await work(channel);
    // The connection's goodbye could overtake an ack.
    await channel.close();
  } finally {
    await connection.close();
  }
}

interface Fault {
  readonly what: string;
  /** Gets the names of the task queues: asking the broker for them takes longer than the load. */
  readonly cause: (queues: readonly string[]) => Promise<unknown>;
  /** Messages are gone for good: only the watermark brings them again, and it waits for 5 s. */
  readonly loses?: boolean;
  /** For how long the queues must have been in use before. */
  readonly queuesAgeMs?: number;
  /** A milder form of another: short runs do without. */
  readonly mild?: boolean;
}

const faults: readonly Fault[] = [
  { what: 'is restarted in good order', cause: () => broker.restart('SIGTERM'), mild: true },
  {
    what: 'is killed and started again',
    cause: () => broker.restart('SIGKILL'),
    // A younger queue may come back as a name alone; that takes longer to heal, and has a test of its own.
    queuesAgeMs: 2_500,
  },
  {
    what: 'has its queues purged',
    cause: async (queues) => {
      await byHand(async (channel) => {
        // Messages pass too quickly to be hit: for a moment nobody takes them.
        for (const { pid } of workers) process.kill(pid, 'SIGSTOP');
        try {
          let purged = 0;
          await eventually(
            async () => {
              for (const queue of queues) purged += (await channel.purgeQueue(queue)).messageCount;
              return purged > 0;
            },
            { what: 'a purge hit messages', intervalMs: 0 },
          );
        } finally {
          for (const { pid } of workers) process.kill(pid, 'SIGCONT');
        }
      });
    },
    loses: true,
  },
  {
    what: 'has its queues deleted',
    cause: async (queues) => {
      await byHand(async (channel) => {
        for (const queue of queues) await channel.deleteQueue(queue);
      });
    },
    mild: true,
  },
  {
    what: 'has all connections closed',
    cause: () => broker.ctl('close_all_connections', 'by hand'),
    mild: true,
  },
  {
    what: 'loses a message',
    cause: async ([queue]) => {
      // The broker gives each consumer its turn, this one too.
      await byHand(async (channel) => {
        await channel.prefetch(1);
        const message = await new Promise<ConsumeMessage>((resolve, reject) => {
          channel.consume(queue as string, (taken) => taken && resolve(taken)).catch(reject);
        });
        channel.ack(message);
      });
    },
    loses: true,
    mild: true,
  },
];

/** Runs one run to its end, and waits until that is so long ago. */
async function use(queuesAgeMs: number): Promise<void> {
  await (await baton.start(fan, 0, { id: 'first' })).result();
  const [first] = await ledger.entries();
  await eventually(async () => Number(await ledger.now()) - Number(first?.startedAt) > queuesAgeMs, {
    what: 'the queues are old enough',
  });
}

const tried = process.env.BATON_LONG ? faults : faults.filter(({ mild = false }) => !mild);

for (const { what, cause, loses = false, queuesAgeMs = 0 } of tried) {
  test(`a broker that ${what}: every run completes, nothing runs twice`, async () => {
    await use(queuesAgeMs);
    const queues = await taskQueues();
    const feeding = feed(baton, fan, LOAD);
    await eventually(async () => expect(await ledger.count()).toBeGreaterThan(LOAD.runs * 2), {
      what: 'the load is under way',
      intervalMs: 5,
    });
    await cause(queues);
    const endedAt = await ledger.now();

    const handles = await feeding;
    const outputs = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })));
    expect(outputs).toEqual(Array.from({ length: LOAD.runs }, (_, i) => 3 * (i + 3) + 1));
    const activations = byActivation(await ledger.entries());
    expect(activations.size).toBe((LOAD.runs + 1) * ACTIVATIONS_PER_RUN);
    expect([...activations.values()].filter((executions) => executions.length !== 1)).toEqual([]);

    const runs = await Promise.all(handles.map((handle) => handle.describe()));
    const tookMs = runs.map(
      ({ createdAt, finishedAt }) => Number(finishedAt) - Math.max(endedAt.getTime(), createdAt.getTime()),
    );
    console.log(`the slowest run ended ${(Math.max(...tookMs) / 1_000).toFixed(1)} s after the fault's end`);
    expect(Math.max(...tookMs)).toBeLessThan(RECOVERY_MS);
    if (loses) expect(Math.max(...tookMs)).toBeGreaterThan(4_000);
    expect(runs.flatMap(({ nodes }) => nodes).filter(({ losses }) => losses > 0)).toEqual([]);
  }, 120_000);
}
