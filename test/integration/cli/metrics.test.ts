/** What a worker process says of its work, against what the ledger says was done. */
import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chain, long } from '../../fixtures/workflows.mjs';
import { documented, shown } from '../../support/documented-metrics.js';
import { eventually } from '../../support/eventually.js';
import { createLedger, type Ledger } from '../../support/ledger.js';
import { ownServices } from '../../support/own-services.js';
import { scrape } from '../../support/scrape.js';
import { httpOf, startWorker } from '../../support/workers.js';

const services = ownServices('metrics');
let baton: Baton;
let ledger: Ledger;

beforeAll(async () => {
  ledger = await createLedger(services.postgres);
  baton = await connect({ postgres: services.postgres, rabbitmq: services.rabbitmq, namespace: services.namespace });
});
afterAll(async () => {
  await baton.close();
  await ledger.close();
});

test('a worker counts what was done and what was rescued', { timeout: 60_000 }, async () => {
  const worker = await startWorker('workflows.mjs', services, ['--http', '127.0.0.1:0', '--concurrency', '2']);
  const url = httpOf(worker);
  const other = await startWorker('workflows.mjs', services, ['--concurrency', '2']);

  // Six runs by whichever worker, and then a death: four long tasks, two a worker.
  const runs = await baton.startMany(chain, [1, 2, 3, 4, 5, 6]);
  await Promise.all(runs.map((run) => run.result()));
  expect((await scrape(url)).value('baton_queue_consumers', { workflow: 'chain' })).toBe(2);
  await baton.startMany(long, [0, 0, 0, 0]);
  await eventually(async () => {
    const entries = (await ledger.entries()).filter(({ task }) => task === 'work');
    expect(entries).toHaveLength(4);
    expect(entries.some(({ pid }) => pid === other.pid)).toBe(true);
  });
  const deprived = (await ledger.entries()).filter(({ task, pid }) => task === 'work' && pid === other.pid).length;
  await other.end('SIGKILL');

  const scraped = await eventually(async () => {
    const now = await scrape(url);
    expect(now.value('baton_rescued_activations_total')).toBeGreaterThanOrEqual(deprived);
    const done = (await ledger.entries()).filter(({ pid, finishedAt }) => pid === worker.pid && finishedAt !== null);
    expect(now.value('baton_task_attempts_total', { outcome: 'completed' })).toBe(done.length);
    return now;
  });
  // Labels are there once something has happened that has them.
  expect(shown(scraped).map(({ name, type }) => [name, type])).toEqual(
    documented('metric').map(({ name, type }) => [name, type]),
  );
  const { value } = scraped;
  const attempts = value('baton_task_attempts_total')!;
  const inFlight = value('baton_in_flight')!;
  const leased = value('baton_leases_total', { outcome: 'leased' })!;
  expect(attempts).toBeGreaterThan(10);
  expect(value('baton_task_duration_seconds_count')).toBe(attempts);
  // What is in flight has its lease, or is about to.
  const leases = leased + value('baton_leases_total', { outcome: 'eager' })!;
  expect(leases).toBeGreaterThanOrEqual(attempts);
  expect(leases).toBeLessThanOrEqual(attempts + inFlight);
  expect(value('baton_messages_processed_total')).toBeGreaterThanOrEqual(leased - inFlight);
  expect(value('baton_runs_ended_total', { workflow: 'chain', status: 'completed' })).toBeGreaterThanOrEqual(1);
  expect(value('baton_dead_sessions_total')).toBe(1);
  expect(value('baton_messages_published_total', { outcome: 'confirmed' })).toBeGreaterThan(0);
  expect(value('baton_slots')).toBe(2);
  await worker.end();
});
