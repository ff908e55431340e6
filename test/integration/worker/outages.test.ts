/** A service that is gone for a while: what the worker says of itself, what it costs, and how soon it is back. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import { parked } from '../../fixtures/workflows.mjs';
import { eventually } from '../../support/eventually.js';
import { createLedger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { PostgresServer } from '../../support/postgres-server.js';
import { RabbitMqServer } from '../../support/rabbitmq-server.js';
import { silent } from '../../support/silent.js';
import { type Services, startWorker, type WorkerProcess } from '../../support/workers.js';

const OUTAGE_MS = process.env.BATON_LONG ? 60_000 : 6_000;
/** How soon the outage has to be seen: the fifth failure in a row of duties that look every 700 ms. */
const SEEN_MS = 5_000;
const BACK_MS = 3_000;
const LIMIT_MS = OUTAGE_MS + 60_000;

const shared = ownServices('worker-outages');
let broker: RabbitMqServer;
let database: PostgresServer;

beforeAll(async () => {
  [broker, database] = await Promise.all([RabbitMqServer.create(), PostgresServer.create()]);
  await Promise.all([process.env.BATON_LONG ? broker.start() : undefined, database.start()]);
});
afterAll(async () => {
  await Promise.all([broker.close(), database.close()]);
});

interface Probe {
  readonly status: number;
  readonly body: { readonly state: string; readonly detail: string };
}

async function probe(url: string, path: string): Promise<Probe> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, body: (await response.json()) as Probe['body'] };
}

const httpOf = (worker: WorkerProcess): string => /"url":"(http:[^"]+)"/.exec(worker.output())?.[1] as string;

/** Seconds of a processor that the process has had. */
function cpuOf({ pid }: WorkerProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') as string[];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function outage(services: Services, server: { stop(): Promise<void>; start(): Promise<void> }): Promise<string> {
  const worker = await startWorker('workflows.mjs', services, ['--http', ':0']);
  const url = httpOf(worker);
  const ready = async () => expect(await probe(url, '/readyz')).toMatchObject({ status: 200 });
  await ready();

  await server.stop();
  const goneAt = performance.now();
  await eventually(
    async () =>
      expect(await probe(url, '/readyz')).toMatchObject({ status: 503, body: { detail: 'running.recovering' } }),
    { what: 'it says so', timeoutMs: SEEN_MS },
  );
  const seenMs = performance.now() - goneAt;
  const [since, cpu] = [performance.now(), cpuOf(worker)];
  while (performance.now() - goneAt < OUTAGE_MS) {
    expect(await probe(url, '/livez')).toMatchObject({ status: 200 });
    expect(await probe(url, '/readyz')).toMatchObject({ status: 503, body: { state: 'running' } });
    await sleep(1_000);
  }
  const share = ((cpuOf(worker) - cpu) * 1_000) / (performance.now() - since);

  await server.start();
  const backAt = performance.now();
  await eventually(ready, { what: 'it takes work again', timeoutMs: BACK_MS });
  const backMs = performance.now() - backAt;
  await expectWork(services);
  expect(await worker.end('SIGTERM')).toBe(0);
  expect(share).toBeLessThan(0.1);
  const per = (share * 100).toFixed(1);
  return `seen after ${seenMs.toFixed()} ms; ${per} % of a processor; ready ${backMs.toFixed()} ms after it was back`;
}

/** It really does. */
async function expectWork(services: Services): Promise<void> {
  const baton = await connect({ ...services, logger: silent });
  try {
    const run = await baton.start(parked, 1);
    await run.signal('go', 2);
    expect(await run.result({ timeout: '10s' })).toBe(2);
  } finally {
    await baton.close();
  }
}

describe.concurrent('a worker process goes on and says how it is', () => {
  // The broker alone takes ten seconds to start; client/outages.test.ts has a short one.
  if (process.env.BATON_LONG)
    test(
      'while RabbitMQ is away',
      async () => {
        const services = { ...shared, rabbitmq: broker.url };
        console.log(`RabbitMQ away for ${OUTAGE_MS} ms: ${await outage(services, broker)}`);
      },
      LIMIT_MS,
    );

  test(
    'while Postgres is away',
    async () => {
      const services = { ...shared, namespace: `${shared.namespace}-pg`, postgres: database.url() };
      await (await createLedger(services.postgres)).close();
      console.log(`Postgres away for ${OUTAGE_MS} ms: ${await outage(services, database)}`);
    },
    LIMIT_MS,
  );
});
