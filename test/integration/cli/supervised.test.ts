/** Worker processes under a supervisor, really killed, stopped and orphaned. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chain, long } from '../../fixtures/workflows.mjs';
import { ask } from '../../support/ask.js';
import { documented, shown } from '../../support/documented-metrics.js';
import { eventually } from '../../support/eventually.js';
import { byActivation, createLedger, type Ledger } from '../../support/ledger.js';
import { feed } from '../../support/load.js';
import { ownServices } from '../../support/own-services.js';
import { scrape } from '../../support/scrape.js';
import { CLI, environment, httpOf, launchWorker, runToEnd, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('supervised');
const RUNS = process.env.BATON_LONG ? 600 : 60;
let baton: Baton;
let ledger: Ledger;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-supervised-'));
  ledger = await createLedger(services.postgres);
  baton = await connect({ postgres: services.postgres, rabbitmq: services.rabbitmq, namespace: services.namespace });
});
afterAll(async () => {
  await baton.close();
  await ledger.close();
  rmSync(folder, { recursive: true });
});

interface OfProcess {
  readonly pid?: number;
  readonly restarts: number;
}

async function processesOf(supervisor: WorkerProcess): Promise<OfProcess[]> {
  return (await ask(httpOf(supervisor), '/startupz')).body.processes as OfProcess[];
}

const pidsOf = async (supervisor: WorkerProcess) => (await processesOf(supervisor)).map(({ pid }) => pid as number);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

const ready = (supervisor: WorkerProcess) =>
  eventually(async () => expect(await ask(httpOf(supervisor), '/readyz')).toMatchObject({ status: 200 }), {
    what: 'all processes ready',
    timeoutMs: 20_000,
  });

test('one of three is killed under load: it comes back, every run completes once, one SIGTERM ends all', {
  timeout: 60_000,
}, async () => {
  const supervisor = await launchWorker('workflows.mjs', services, [
    '--processes',
    '3',
    '--http',
    ':0',
    '--id',
    'trio',
  ]);
  await ready(supervisor);
  expect(supervisor.output()).toContain('all workers running');
  const before = await pidsOf(supervisor);
  const fed = feed(baton, chain, { runs: RUNS, atOnce: 5, everyMs: 50 });
  await eventually(async () => {
    const busy = new Set((await ledger.entries()).map(({ pid }) => pid));
    expect(before.every((pid) => busy.has(pid))).toBe(true);
  });
  const [victim] = before as [number];
  process.kill(victim, 'SIGKILL');
  const runs = await fed;
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual(runs.map((_, n) => n + 10));

  await ready(supervisor);
  const after = await processesOf(supervisor);
  expect(after.map(({ restarts }) => restarts)).toEqual([1, 0, 0]);
  expect(after.map(({ pid }) => pid)).not.toContain(victim);
  const finished = (await ledger.entries()).filter(({ task }) => task.startsWith('step'));
  for (const [activation, executions] of byActivation(finished)) {
    const survived = executions.filter(({ pid }) => pid !== victim);
    expect([activation, survived.length]).toEqual([activation, expect.toSatisfy((n: number) => n <= 1)]);
  }

  const scraped = await scrape(httpOf(supervisor));
  const names = [...documented('metric'), ...documented('metric of the supervisor')].map(({ name }) => name).sort();
  expect(shown(scraped).map(({ name }) => name)).toEqual(names);
  expect(scraped.value('baton_worker_state', { state: 'running' })).toBe(3);
  expect(scraped.value('baton_supervisor_restarts_total')).toBe(1);
  const counted = scraped.value('baton_task_attempts_total', { workflow: 'chain', outcome: 'completed' })!;
  const byOthers = finished.filter(({ pid }) => pid !== victim).length;
  expect(counted).toBeGreaterThanOrEqual(byOthers);

  const all = after.map(({ pid }) => pid as number);
  expect(await supervisor.end('SIGTERM')).toBe(0);
  expect(all.filter(alive)).toEqual([]);
  // Each was told once: nobody was hurried.
  expect(supervisor.output().match(/"worker stopping"/g)).toHaveLength(3);
});

test('when the supervisor is killed its processes stop in good order, by themselves', { timeout: 60_000 }, async () => {
  const supervisor = await launchWorker('workflows.mjs', services, ['--processes', '2', '--http', ':0']);
  await ready(supervisor);
  const pids = await pidsOf(supervisor);
  const run = await baton.start(long, 1);
  await eventually(async () =>
    expect((await ledger.entries()).filter(({ task, pid }) => task === 'work' && pids.includes(pid))).toHaveLength(1),
  );
  await supervisor.end('SIGKILL');
  // The task that was under way is finished first.
  expect(await run.result()).toBe(2);
  await eventually(() => expect(pids.filter(alive)).toEqual([]), { what: 'no orphan is left' });
  expect((await ledger.entries()).filter(({ task }) => task === 'work')).toHaveLength(1);
});

if (process.env.BATON_LONG)
  test('processes that crash at their start are started again, ever more slowly, and the stop is clean', async () => {
    const module = join(folder, 'broken.mjs');
    writeFileSync(module, "process.kill(process.pid, 'SIGKILL');\n");
    const supervisor = await launchWorker(module, services, ['--processes', '1', '--http', ':0']);
    const crashes = () =>
      supervisor
        .output()
        .split('\n')
        .filter((line) => line.includes('a worker process ended'))
        .map((line) => (JSON.parse(line) as { time: number }).time);
    await eventually(() => expect(crashes().length).toBeGreaterThanOrEqual(3), { timeoutMs: 20_000 });
    const [first, second, third] = crashes() as [number, number, number];
    // A rest is 500, then 1,000 ms, less up to a half.
    expect(second - first).toBeGreaterThanOrEqual(250);
    expect(third - second).toBeGreaterThanOrEqual(500);
    const url = httpOf(supervisor);
    expect(await ask(url, '/livez')).toMatchObject({ status: 200 });
    expect(await ask(url, '/readyz')).toMatchObject({ status: 503 });
    expect(await ask(url, '/startupz')).toMatchObject({ status: 503 });
    expect(await supervisor.end('SIGTERM')).toBe(0);
  });

test('a wrong command line ends at once, with its code', async () => {
  const { code, stderr } = await runToEnd([CLI, 'worker', 'nowhere.mjs', '--processes', '2'], {
    cwd: folder,
    env: environment(services),
  });
  expect(code).toBe(2);
  expect(stderr).toContain('there is no module nowhere.mjs');
});
