/**
 * A task that takes longer than RabbitMQ waits for an ack. Its delivery is acked early, before the broker loses its
 * patience; and where the broker was quicker, the lease goes on and the task is nobody's to repeat.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { flow } from '../../../src/core/flow.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { RabbitMqServer } from '../../support/rabbitmq-server.js';

/** After how long a delivery is acked early. The product's own 60 s in a long run. */
const EARLY_ACK_MS = process.env.BATON_LONG ? 60_000 : 800;
const CONSUMER_TIMEOUT_MS = EARLY_ACK_MS + 1_200;
const TASK_MS = CONSUMER_TIMEOUT_MS + 2_500;

const own = vi.hoisted(() => ({ earlyAckMs: 0 }));
vi.mock(import('../../../src/runtime/limits.js'), async (original) => {
  const { limits } = await original();
  const earlyAckMs = { get: () => own.earlyAckMs, enumerable: true };
  return { limits: Object.defineProperty({ ...limits }, 'earlyAckMs', earlyAckMs) };
});

let broker: RabbitMqServer;
let database: TestDatabase;
let baton: Baton;
const warnings: string[] = [];
const executed: string[] = [];

const lasting = flow<number>('lasting')
  .then('work', async (ms, { runId, signal }) => {
    executed.push(`${runId} work`);
    await sleep(ms, undefined, { signal });
    return ms;
  })
  .then('after', (ms, { runId }) => {
    executed.push(`${runId} after`);
    return ms;
  })
  .build();

beforeAll(async () => {
  broker = await RabbitMqServer.create({ consumerTimeoutMs: CONSUMER_TIMEOUT_MS });
  [database] = await Promise.all([createDatabase(), broker.start()]);
});

afterEach(async () => {
  await baton.close();
  warnings.length = 0;
  executed.length = 0;
});

afterAll(async () => {
  await broker.close();
  await database.drop();
});

async function begin(namespace: string, earlyAckMs: number): Promise<void> {
  own.earlyAckMs = earlyAckMs;
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  baton = await connect({ postgres: database.url, rabbitmq: broker.url, namespace, logger });
  await baton.worker({ workflows: [lasting], concurrency: 2 }).start();
}

const timeouts = () => warnings.filter((line) => /PRECONDITION[_-]FAILED.*timed out/.test(line));

test(
  'a delivery that is acked early never tries the patience of the broker, and the task completes once',
  async () => {
    await begin('early', EARLY_ACK_MS);
    const run = await baton.start(lasting, TASK_MS, { id: 'long' });
    expect(await run.result({ timeout: TASK_MS + 20_000 })).toBe(TASK_MS);
    expect(executed).toEqual(['long work', 'long after']);
    expect(timeouts()).toEqual([]);
  },
  TASK_MS + 40_000,
);

test(
  'where the broker closes the channel first, the task goes on and completes once, and the worker consumes again',
  async () => {
    await begin('closed', TASK_MS * 2);
    const run = await baton.start(lasting, TASK_MS, { id: 'long' });
    expect(await run.result({ timeout: TASK_MS + 20_000 })).toBe(TASK_MS);
    expect(executed).toEqual(['long work', 'long after']);
    // Otherwise this would show nothing.
    expect(timeouts().length).toBeGreaterThan(0);
    expect((await run.describe()).nodes[0]).toMatchObject({ attempt: 1, losses: 0 });
    expect(await (await baton.start(lasting, 1, { id: 'short' })).result({ timeout: 20_000 })).toBe(1);
    expect(executed).toEqual(['long work', 'long after', 'short work', 'short after']);
  },
  TASK_MS + 60_000,
);
