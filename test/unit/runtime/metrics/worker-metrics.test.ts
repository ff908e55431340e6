import { describe, expect, test } from 'vitest';
import type { TaskEvent } from '../../../../src/runtime/engaged.js';
import { documented, shown } from '../../../support/documented-metrics.js';
import { eventually } from '../../../support/eventually.js';
import { fakeWorker, workflow } from '../../../support/fake-worker.js';
import { inMemory } from '../../../support/in-memory.js';
import { scrape } from '../../../support/scrape.js';

const http = { port: 0 };
const QUEUE = {
  key: 1,
  name: 'baton.default.counting@1',
  workflow: 'counting',
  hash: '1',
  tags: [],
  priority: 3 as const,
};

function ended(event: Partial<TaskEvent>): TaskEvent {
  const task = { runId: 'r', workflow: 'counting', taskId: 'inc', path: '/0', attempt: 1 };
  return { ...task, outcome: 'completed', durationMs: 20, ...event };
}

async function running() {
  const fake = fakeWorker({ http, concurrency: 7, checks: [{ name: 'bank', check: () => {} }] });
  await fake.worker.start();
  return { ...fake, look: () => scrape(fake.worker.http?.url) };
}

describe('/metrics', () => {
  test('has every metric that docs/metrics.md lists, with its type and labels, and no other of ours', async () => {
    const { worker, engine, look } = await running();
    engine.depths = async () => [{ queue: QUEUE, ready: 4, consumers: 2 }];
    engine.end(ended({ attempt: 2 }));
    engine.tell('lease', 'leased');
    engine.tell('published', { confirmed: 1, failed: 0, durationMs: 1 });
    engine.tell('ended', { run: '1', id: 'r', workflow: 'counting', status: 'completed', replyTo: null });
    await eventually(async () => expect((await look()).value('baton_health_check_ok', { check: 'bank' })).toBe(1));
    expect(shown(await look())).toEqual(documented('metric'));
    await worker.stop();
  });

  test('counts what the worker reports', async () => {
    const { worker, engine, look } = await running();
    for (const outcome of ['completed', 'retrying', 'failed', 'timed_out', 'lost'] as const)
      engine.end(ended({ outcome }));
    engine.end(ended({ attempt: 2 }));
    engine.tell('phase', {} as never, 'executing');
    engine.tell('phase', {} as never, 'settled');
    engine.tell('lease', 'eager');
    engine.tell('lease', 'gone');
    engine.tell('published', { confirmed: 5, failed: 0, durationMs: 30 });
    engine.tell('published', { confirmed: 0, failed: 2, durationMs: 10_000 });
    engine.tell('rescue', { what: 'sessions', count: 1 });
    engine.tell('rescue', { what: 'activations', count: 3 });
    engine.tell('rescue', { what: 'messages', count: 4 });
    engine.tell('rescue', { what: 'poisoned', count: 2 });
    engine.fail(2);
    const { value } = await look();
    const task = { workflow: 'counting', task: 'inc' };
    expect(value('baton_task_attempts_total', { ...task, outcome: 'completed' })).toBe(2);
    for (const outcome of ['retrying', 'failed', 'timed_out', 'lost'])
      expect(value('baton_task_attempts_total', { ...task, outcome })).toBe(1);
    expect(value('baton_task_retries_total', task)).toBe(1);
    expect(value('baton_task_duration_seconds_count', task)).toBe(6);
    expect(value('baton_task_duration_seconds_sum', task)).toBeCloseTo(0.12);
    expect(value('baton_messages_processed_total')).toBe(1);
    expect(value('baton_leases_total', { outcome: 'eager' })).toBe(1);
    expect(value('baton_leases_total', { outcome: 'gone' })).toBe(1);
    expect(value('baton_messages_published_total', { outcome: 'confirmed' })).toBe(5);
    expect(value('baton_messages_published_total', { outcome: 'failed' })).toBe(2);
    // A batch that wasn't confirmed says nothing about how long confirming takes.
    expect(value('baton_publish_duration_seconds_count')).toBe(1);
    expect(value('baton_publish_duration_seconds_sum')).toBeCloseTo(0.03);
    expect(value('baton_dead_sessions_total')).toBe(1);
    expect(value('baton_rescued_activations_total')).toBe(3);
    expect(value('baton_republished_messages_total')).toBe(4);
    expect(value('baton_poisoned_runs_total')).toBe(2);
    expect(value('baton_infrastructure_failures_total')).toBe(2);
    await worker.stop();
  });

  test('shows a life: starting, running, paused, stopping', async () => {
    const seen: Record<string, Record<string, number | undefined>> = {};
    const note = async () => {
      const { value } = await scrape(worker.http?.url);
      seen[worker.state] = {
        state: value('baton_worker_state', { state: worker.state }),
        states: value('baton_worker_state'),
        consuming: value('baton_worker_consuming'),
        closed: value('baton_breaker_state', { state: 'closed' }),
        startups: value('baton_worker_startups_total'),
        shutdowns: value('baton_worker_shutdowns_total'),
      };
    };
    const { worker, engine } = fakeWorker({ http, concurrency: 7, hooks: { onStartup: note, afterStop: note } });
    await worker.start();
    await note();
    engine.inFlight = 3;
    const { value } = await scrape(worker.http?.url);
    expect([value('baton_in_flight'), value('baton_slots')]).toEqual([3, 7]);
    expect(value('baton_worker_startup_timestamp_seconds')).toBeCloseTo(Date.now() / 1_000, -1);
    expect(value('baton_worker_uptime_seconds')).toBeGreaterThan(0);
    await worker.reload({ concurrency: 9 });
    await worker.pause();
    const paused = await scrape(worker.http?.url);
    expect([paused.value('baton_worker_consuming'), paused.value('baton_slots')]).toEqual([0, 9]);
    engine.inFlight = 0;
    await worker.stop();
    const one = { state: 1, states: 1 };
    expect(seen).toEqual({
      starting: { ...one, consuming: 0, closed: 0, startups: 0, shutdowns: 0 },
      running: { ...one, consuming: 1, closed: 1, startups: 1, shutdowns: 0 },
      stopping: { ...one, consuming: 0, closed: 0, startups: 1, shutdowns: 1 },
    });
  });

  test('shows a breaker that opened', async () => {
    const { worker, engine, look } = await running();
    engine.does.probe = () => Promise.reject(new Error('away'));
    engine.fail(5);
    await worker.waitFor('running.recovering');
    const { value } = await look();
    expect(value('baton_breaker_state', { state: 'open' })).toBe(1);
    expect(value('baton_breaker_state', { state: 'closed' })).toBe(0);
    await worker.stop();
  });

  test('says what waits in the queues that it knows, also while it takes nothing', async () => {
    const memory = inMemory();
    const baton = memory.baton();
    const worker = baton.worker({ workflows: [workflow], http });
    await worker.start();
    await (await baton.start(workflow, 1)).result();
    await worker.pause();
    await baton.startMany(workflow, [1, 2, 3]);
    const { value } = await scrape(worker.http?.url);
    const queue = { workflow: 'counting', priority: '3' };
    expect(value('baton_queue_messages_ready', queue)).toBe(3);
    expect(value('baton_queue_consumers', queue)).toBe(0);
    await memory.close();
  });
});
