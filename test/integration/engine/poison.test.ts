/** A task that kills whoever runs it: it is told from the innocents that happened to stand beside it. */
import { type Baton, connect, RunFailedError } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { innocent, killer } from '../../fixtures/workflows.mjs';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const INNOCENTS = 12;

const services = ownServices('poison');
let ledger: Ledger;
let baton: Baton;

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
});

afterAll(async () => {
  await baton.close();
  await ledger.close();
});

test('a task that killed its process five times fails its run as poisoned; those beside it lose two workers at most, and complete', async () => {
  const workers = keepRunning(2);
  try {
    const bad = await baton.start(killer, 0);
    const good = await baton.startMany(innocent, Array(INNOCENTS).fill(0));
    const error = await bad.result({ timeout: '90s' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({ task: 'die', cause: { code: 'POISONED' } });
    // Five processes ran it, each once, and none a sixth time.
    const deaths = await ledger.entries({ run: bad.id });
    expect(new Set(deaths.map(({ pid }) => pid)).size).toBe(5);
    expect(deaths.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);

    const results = await Promise.all(good.map((run) => run.result({ timeout: '60s' })));
    expect(results).toEqual(Array(INNOCENTS).fill(1));
    const losses = await Promise.all(good.map(async (run) => (await run.describe()).nodes[0]?.losses ?? 0));
    console.log('innocents lost workers:', losses.join(' '));
    expect(Math.max(...losses)).toBeLessThanOrEqual(2);
    expect(Math.max(...losses)).toBeGreaterThan(0);
    // Nobody is suspected for what another did: no attempt was counted.
    const tries = (await Promise.all(good.map((run) => ledger.entries({ run: run.id })))).flat();
    expect(new Set(tries.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  } finally {
    await workers.stop();
  }
}, 150_000);

/** So many worker processes, each replaced when it dies. */
function keepRunning(count: number): { stop(): Promise<void> } {
  let stopped = false;
  const keep = async () => {
    while (!stopped) {
      const worker: WorkerProcess = await startWorker('workflows.mjs', services, ['--concurrency', '8']);
      running.add(worker);
      if (stopped) await worker.end('SIGTERM');
      else await new Promise((resolve) => worker.child.once('exit', resolve));
      running.delete(worker);
    }
  };
  const running = new Set<WorkerProcess>();
  const kept = Array.from({ length: count }, keep);
  return {
    async stop() {
      stopped = true;
      for (const worker of running) await worker.end('SIGTERM');
      await Promise.all(kept);
    },
  };
}
