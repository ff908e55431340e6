/** A workflow that changes while it runs: its policy under its running runs, its structure beside them. */
import { type Baton, connect, type RunHandle } from 'batonmq';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { workflow as v1 } from '../../fixtures/changing-v1.mjs';
import { workflow as v2 } from '../../fixtures/changing-v2.mjs';
import { workflow as v3 } from '../../fixtures/changing-v3.mjs';
import { eventually } from '../../support/eventually.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { cli, startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('changed');
let ledger: Ledger;
let baton: Baton;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect(services);
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.end('SIGTERM');
});

afterAll(async () => {
  await baton.close();
  await ledger.close();
});

async function worker(version: string, tags: string): Promise<WorkerProcess> {
  const own = await startWorker(`changing-${version}.mjs`, services, ['--tags', tags]);
  workers.push(own);
  return own;
}

const reaches = (run: RunHandle<unknown>, state: string, node: string) =>
  eventually(
    async () => {
      const { nodes } = await run.describe();
      expect(nodes.map((one) => `${one.node} ${one.state}`)).toContain(`${node} ${state}`);
    },
    { what: `${run.id} is ${state} in ${node}` },
  );

test('tags, priorities, timeouts, delays and retries change under runs that are ready, delayed, backing off or waiting, and strand none', async () => {
  expect(v2.hash).toBe(v1.hash);
  const first = await worker('v1', 'old');
  const waiting = await baton.start(v1, 1, { id: 'waiting' });
  await reaches(waiting, 'awaiting_signal', 'go');
  const backingOff = await baton.start(v1, 1, { id: 'backing-off' });
  await reaches(backingOff, 'backing_off', 'second');
  const delayed = await baton.start(v1, 1, { id: 'delayed' });
  await reaches(delayed, 'delayed', 'pause');
  await first.end('SIGKILL');
  const ready = await baton.start(v1, 1, { id: 'ready' });

  // It takes what is still in the queues of before, whose tags no task has any more, and what comes after it.
  const second = await worker('v2', 'new,fast');
  const runs = [waiting, backingOff, delayed, ready];
  for (const run of runs) await run.signal('go');
  const results = await Promise.all(runs.map((run) => run.result({ timeout: '20s' })));
  expect(results).toEqual(runs.map(() => second.pid));
  const run = await baton.start(v2, 1, { id: 'after' });
  await run.signal('go');
  expect(await run.result({ timeout: '20s' })).toBe(second.pid);
  for (const { id } of [...runs, run]) {
    const done = (await ledger.entries({ run: id })).filter(({ finishedAt }) => finishedAt !== null);
    expect(
      done.map(({ task }) => task),
      id,
    ).toEqual(['first', 'second', 'last']);
  }
}, 90_000);

test('a run whose structure no worker knows is seen to wait for one, and goes on when it comes', async () => {
  expect(v3.hash).not.toBe(v2.hash);
  await worker('v2', 'old,new,fast');
  const run = await baton.start(v3, 1, { id: 'newer' });
  await run.signal('go');
  await eventually(
    async () => {
      const { stdout } = await cli(services, ['doctor', 'newer']);
      expect(stdout).toContain(`no worker has workflow changing with structure ${v3.hash.slice(0, 16)}`);
    },
    { what: 'doctor says so', timeoutMs: 20_000, intervalMs: 500 },
  );
  const listed = [];
  for await (const { id, hash, status } of baton.list({ status: 'running' })) listed.push({ id, hash, status });
  expect(listed).toEqual([{ id: 'newer', hash: v3.hash, status: 'running' }]);
  expect(await run.describe()).toMatchObject({ hash: v3.hash, nodes: [{ node: 'first', state: 'ready' }] });
  expect(await ledger.entries({ run: 'newer' })).toEqual([]);

  const knowing = await worker('v3', 'any');
  expect(await run.result({ timeout: '20s' })).toBe(knowing.pid);
}, 60_000);
