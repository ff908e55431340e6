import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ownServices } from '../../support/own-services.js';
import { cli, startWorker, type WorkerProcess } from '../../support/workers.js';

const MODULE = fileURLToPath(new URL('../../../examples/order/workflow.mjs', import.meta.url));

const services = ownServices('order');
let log: pg.Pool;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  process.env.SHOP_LOG = services.postgres;
  log = new pg.Pool({ connectionString: services.postgres, max: 1 });
  workers.push(await startWorker(MODULE, services, ['--concurrency', '1']));
  workers.push(await startWorker(MODULE, services, ['--concurrency', '1']));
});

afterAll(async () => {
  for (const worker of workers) await worker.end('SIGTERM');
  delete process.env.SHOP_LOG;
  await log.end();
});

test('two workers take an order through every node, started and watched from a third process', async () => {
  const input = JSON.stringify({ id: 'A-1', items: ['mug', 'tea', 'spoon'], amount: 30 });
  const started = cli(services, [
    'start',
    'order',
    '--module',
    MODULE,
    '--input',
    input,
    '--id',
    'A-1',
    '--wait',
    '--json',
  ]);
  await eventually(
    async () => {
      const { stdout } = await cli(services, ['show', 'A-1', '--json']);
      expect(JSON.parse(stdout).status.status).toBe('awaiting_signal');
    },
    { what: 'the order waits for the warehouse', timeoutMs: 15_000 },
  );
  const signalled = await cli(services, ['signal', 'A-1', 'packed', '--payload', '{"verdict":"ship"}']);
  expect(signalled).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await started;
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    id: 'A-1',
    status: 'completed',
    output: { branch: 'ship', result: 'shipped P-1' },
  });

  const { rows } = await log.query<{ task: string; pid: number; started_at: Date; finished_at: Date }>(
    'select * from shop_log',
  );
  const count = (task: string) => rows.filter((row) => row.task === task).length;
  expect(
    Object.fromEntries(
      ['accept', 'reserve', 'charge', 'store', 'shipping/ask', 'shipping/judge', 'refund'].map((task) => [
        task,
        count(task),
      ]),
    ),
  ).toEqual({
    accept: 1,
    reserve: 3,
    charge: 1,
    store: 1,
    'shipping/ask': 3,
    'shipping/judge': 3,
    refund: 0,
  });
  const charge = rows.find((row) => row.task === 'charge');
  const store = rows.find((row) => row.task === 'store');
  expect(charge?.pid).not.toBe(store?.pid);
  expect(new Set(rows.map((row) => row.pid))).toEqual(new Set(workers.map((worker) => worker.pid)));
  expect(charge?.started_at.getTime()).toBeLessThan(store?.finished_at.getTime() ?? 0);
  expect(store?.started_at.getTime()).toBeLessThan(charge?.finished_at.getTime() ?? 0);
});
