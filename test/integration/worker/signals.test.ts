/** Signals to a worker process, at every stage of its life. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { eventually } from '../../support/eventually.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { silent } from '../../support/silent.js';
import { spawnWorker, startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('signals');
let ledger: Ledger;
let baton: Baton;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-signals-'));
  ledger = await createLedger(services.postgres);
  baton = await connect({ ...services, logger: silent });
});
afterAll(async () => {
  await baton.close();
  await ledger.close();
  rmSync(folder, { recursive: true });
});

const says = (worker: WorkerProcess, text: string) =>
  eventually(() => worker.output().includes(text), { what: text, timeoutMs: 20_000 });

/** How long it takes from the signal to the end. */
async function endedBy(worker: WorkerProcess, ...signals: NodeJS.Signals[]) {
  const toldAt = performance.now();
  for (const signal of signals) worker.child.kill(signal);
  return { code: await worker.exited, ms: performance.now() - toldAt };
}

test('SIGTERM ends an idle worker within a second, with code 0', async () => {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { code, ms } = await endedBy(await startWorker('workflows.mjs', services), 'SIGTERM');
    expect(code).toBe(0);
    times.push(ms);
  }
  const [, median = 0] = times.sort((a, b) => a - b);
  console.log(`idle workers ended after ${times.map(Math.round).join(', ')} ms`);
  expect(median).toBeLessThan(1_000);
});

describe.concurrent('during the start', () => {
  test('SIGTERM is honoured while a module is loaded: it never runs, and ends with code 0', async () => {
    const worker = spawnWorker('hooked.mjs', services, [], { MODULE_MS: '500' });
    await says(worker, 'module loading');
    expect((await endedBy(worker, 'SIGTERM')).code).toBe(0);
    expect(worker.output()).not.toMatch(/^hook|worker running/m);
  });

  test('SIGTERM tells the hook that is at work, undoes what was done, and ends with code 0', async () => {
    const worker = spawnWorker('hooked.mjs', services, [], { HOOK: 'onStartup', HOW: 'waits' });
    await says(worker, 'hook onStartup');
    expect((await endedBy(worker, 'SIGTERM')).code).toBe(0);
    expect(worker.output()).toMatch(/hook onStartup\n(.*\n)*hook onShutdown\n(.*\n)*hook afterStop\n/);
    expect(worker.output()).not.toContain('worker running');
  });

  test('SIGHUP and SIGUSR1 end nothing', async () => {
    const worker = spawnWorker('hooked.mjs', services, [], { MODULE_MS: '500' });
    await says(worker, 'module loading');
    worker.child.kill('SIGHUP');
    worker.child.kill('SIGUSR1');
    await says(worker, 'worker running');
    expect(worker.output()).not.toContain('Debugger');
    expect(await worker.end('SIGTERM')).toBe(0);
  });
});

test('a second signal waits for no task, and what was at work is at once to be had elsewhere', async () => {
  const worker = await startWorker('workflows.mjs', services);
  const run = await baton.start('long', 1);
  await eventually(async () => (await ledger.entries({ run: run.id })).length === 1, { what: 'the task is at work' });
  worker.child.kill('SIGTERM');
  await says(worker, 'worker stopping');
  const { code, ms } = await endedBy(worker, 'SIGINT');
  expect(code).toBe(0);
  // The task would have taken three seconds, and the stop would have waited for it.
  expect(ms).toBeLessThan(2_500);
  expect((await run.describe()).nodes).toMatchObject([{ state: 'ready', attempt: 1, losses: 0 }]);
  await run.cancel();
});

test('a third signal ends the process there and then', async () => {
  const worker = await startWorker('hooked.mjs', services, [], { HOOK: 'onShutdown', HOW: 'hangs' });
  worker.child.kill('SIGTERM');
  await says(worker, 'hook onShutdown');
  // Which of the two comes first is the system's to say.
  expect([128 + 15, 128 + 2]).toContain((await endedBy(worker, 'SIGTERM', 'SIGINT')).code);
  expect(worker.output()).not.toContain('hook afterStop');
});

test('SIGHUP reads the file again: what may change is applied, what is wrong changes nothing and is said', async () => {
  const file = join(folder, 'worker.json');
  const write = (config: unknown) => writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  write({ concurrency: 1 });
  const worker = await startWorker('workflows.mjs', services, ['--config', file]);
  const hup = async (config: unknown, said: string) => {
    write(config);
    worker.child.kill('SIGHUP');
    await says(worker, said);
  };
  await hup('{ "concurrency": 3', 'is no JSON');
  await hup({ concurrency: 0 }, 'concurrency: 0 is not a whole number');
  await hup({ concurrency: 3, tags: ['eu'] }, "reload() can't change tags");
  const runs = await Promise.all([1, 2].map((n) => baton.start('long', n)));
  const begun = async () => (await Promise.all(runs.map(({ id }) => ledger.entries({ run: id })))).flat().length;
  await eventually(async () => (await begun()) === 1, { what: 'one of the two' });
  await hup({ concurrency: 3 }, '"changes":["concurrency"]');
  await eventually(async () => (await begun()) === 2, { what: 'the other one, while the first is at work' });
  const entries = (await Promise.all(runs.map(({ id }) => ledger.entries({ run: id })))).flat();
  expect(entries.map(({ finishedAt }) => finishedAt)).toContain(null);
  await Promise.all(runs.map((run) => run.cancel()));
  expect(await worker.end('SIGTERM')).toBe(0);
});
