/** What a deployment does to work that is under way: workers are told to stop, and others go on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { chain, endless } from '../../fixtures/workflows.mjs';
import { eventually } from '../../support/eventually.js';
import { byActivation, createLedger, type Ledger } from '../../support/ledger.js';
import { feed } from '../../support/load.js';
import { ownServices } from '../../support/own-services.js';
import { silent } from '../../support/silent.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const LONG = Boolean(process.env.BATON_LONG);
const services = ownServices('deploys');
let ledger: Ledger;
let baton: Baton;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-deploys-'));
  ledger = await createLedger(services.postgres);
  baton = await connect({ ...services, logger: silent });
});
afterAll(async () => {
  await baton.close();
  await ledger.close();
  rmSync(folder, { recursive: true });
});

/** A worker that gives its tasks `shutdownTimeout`. */
function briefWorker(shutdownTimeout: string): Promise<WorkerProcess> {
  const file = join(folder, `${shutdownTimeout}.json`);
  writeFileSync(file, JSON.stringify({ shutdownTimeout }));
  return startWorker('workflows.mjs', services, ['--config', file]);
}

/** Every run completed, and every task ran once, by what the tasks themselves wrote. */
async function expectEachOnce(runs: readonly { readonly id: string; result(): Promise<unknown> }[], tasks: number) {
  for (const run of runs) await run.result();
  const ids = new Set(runs.map(({ id }) => id));
  const executions = byActivation((await ledger.entries()).filter(({ run }) => ids.has(run)));
  expect(executions.size).toBe(runs.length * tasks);
  expect([...executions.values()].filter((entries) => entries.length !== 1)).toEqual([]);
}

test(
  'of the runs of a busy worker that is told to stop none is lost and no task runs twice',
  async () => {
    const count = LONG ? 500 : 60;
    const [going, staying] = await Promise.all([briefWorker('25s'), briefWorker('25s')]);
    const runs = await feed(baton, chain, { runs: count, atOnce: 20, everyMs: 50 });
    await eventually(async () => (await ledger.count()) > count, { what: 'work is under way', timeoutMs: 20_000 });
    expect(await going.end('SIGTERM')).toBe(0);
    await expectEachOnce(runs, 10);
    const byPid = new Set((await ledger.entries()).map(({ pid }) => pid));
    expect(byPid).toEqual(new Set([going.pid, staying.pid]));
    expect(await staying.end('SIGTERM')).toBe(0);
  },
  LONG ? 120_000 : 60_000,
);

test('a task that takes longer than the stop may runs elsewhere within 2 s, and its attempt is not charged', async () => {
  const going = await briefWorker('500ms');
  const runs = await baton.startMany(endless, [1, 2, 3]);
  const executions = async () =>
    (await ledger.entries()).filter(({ run, pid }) => pid !== going.pid && runs.some(({ id }) => id === run));
  const nodes = async () => (await Promise.all(runs.map((run) => run.describe()))).flatMap((run) => run.nodes);
  await eventually(async () => (await nodes()).every(({ state }) => state === 'leased'), { what: 'all are at work' });
  const staying = await briefWorker('500ms');
  const toldAt = await ledger.now();
  expect(await going.end('SIGTERM')).toBe(0);
  await eventually(async () => (await executions()).length === 3, { what: 'all are at work again' });
  const delays = (await executions()).map(({ startedAt }) => startedAt.getTime() - toldAt.getTime());
  console.log(`at work elsewhere ${delays.join(', ')} ms after SIGTERM, of which 400 were the tasks' own`);
  expect(Math.max(...delays)).toBeLessThan(400 + 2_000);
  const again = { state: 'leased', attempt: 1, losses: 0, worker: expect.stringContaining(`-${staying.pid}-`) };
  expect(await nodes()).toMatchObject([again, again, again]);
  await Promise.all(runs.map((run) => run.cancel()));
  expect(await staying.end('SIGTERM')).toBe(0);
});

test(
  'while workers are replaced one after the other work never stands still for 2 s, and every run completes once',
  async () => {
    const workers = await Promise.all(Array.from({ length: LONG ? 3 : 2 }, () => briefWorker('25s')));
    const before = await ledger.now();
    let over = false;
    const loading = (async () => {
      const runs = [];
      while (!over) runs.push(...(await feed(baton, chain, { runs: 4, atOnce: 4, everyMs: 100 })));
      return runs;
    })();
    await eventually(async () => (await ledger.entries()).some(({ startedAt }) => startedAt > before), {
      what: 'work',
    });
    for (const old of workers.splice(0)) {
      workers.push(await briefWorker('25s'));
      expect(await old.end('SIGTERM')).toBe(0);
    }
    over = true;
    const runs = await loading;
    await expectEachOnce(runs, 10);
    const ended = (await ledger.entries())
      .flatMap(({ finishedAt }) => (finishedAt && finishedAt > before ? [finishedAt.getTime()] : []))
      .sort();
    const gaps = ended.slice(1).map((at, i) => at - (ended[i] as number));
    console.log(`${runs.length} runs; the longest pause between two ends of tasks was ${Math.max(...gaps)} ms`);
    expect(Math.max(...gaps)).toBeLessThan(2_000);
    for (const worker of workers) expect(await worker.end('SIGTERM')).toBe(0);
  },
  LONG ? 120_000 : 60_000,
);
