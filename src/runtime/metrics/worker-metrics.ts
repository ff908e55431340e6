/**
 * What a worker has done and how it is, for Prometheus. Counters count what the worker reports while it lives; gauges
 * are read when somebody scrapes. `docs/metrics.md` lists them all.
 */
import type { Registry } from 'prom-client';
import type { TaskEvent } from '../engaged.js';
import type { LoopLag } from '../loop-lag.js';
import type { Monitored } from '../monitored.js';
import type { Rescue } from '../reconcile.js';
import { WORKER_STATES } from '../worker-state.js';
import type { PromClient } from './prom-client.js';
import { QueueDepths } from './queue-depths.js';

const TASK_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
const PUBLISH_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BREAKER_STATES = ['closed', 'open', 'half-open'];

/** How the values of several processes become one. */
type Aggregator = 'sum' | 'min' | 'max';

export class WorkerMetrics {
  readonly registry: Registry;
  readonly #prom: PromClient;
  readonly #worker: Monitored;
  readonly #undo: (() => void)[] = [];

  constructor(prom: PromClient, worker: Monitored, lag: LoopLag) {
    this.#prom = prom;
    this.#worker = worker;
    this.registry = new prom.Registry();
    prom.collectDefaultMetrics({ register: this.registry });
    this.#countLife();
    this.#countTasks();
    this.#countMessages();
    this.#countRescues();
    this.#lookAtWorker(lag);
    this.#lookAtQueues();
  }

  /** Counts no more. */
  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.registry.clear();
  }

  // ------------------------------------------------------------------------------------- what happened

  #countLife(): void {
    const startups = this.#counter('baton_worker_startups_total', 'Workers that came to be running.');
    const shutdowns = this.#counter('baton_worker_shutdowns_total', 'Workers that ran and began to stop.');
    const timestamp = this.#gauge('baton_worker_startup_timestamp_seconds', 'When it came to be running, Unix time.', {
      aggregator: 'max',
    });
    let startedAt: number | undefined;
    this.#gauge('baton_worker_uptime_seconds', 'How long ago it came to be running.', {
      aggregator: 'max',
      read: (set) => set({}, startedAt === undefined ? 0 : (performance.now() - startedAt) / 1_000),
    });
    this.#listen(
      this.#worker.on('transition', ({ from, to }) => {
        if (from === 'running') shutdowns.inc();
        if (to !== 'running') return;
        startups.inc();
        startedAt = performance.now();
        timestamp.setToCurrentTime();
      }),
    );
  }

  #countTasks(): void {
    const labelNames = ['workflow', 'task'];
    const attempts = this.#counter('baton_task_attempts_total', 'Attempts of tasks that ended here, by outcome.', [
      ...labelNames,
      'outcome',
    ]);
    const retries = this.#counter(
      'baton_task_retries_total',
      'Attempts that ended here and were no first ones.',
      labelNames,
    );
    const duration = new this.#prom.Histogram({
      name: 'baton_task_duration_seconds',
      help: 'From the lease of an attempt to its end.',
      labelNames,
      buckets: TASK_BUCKETS,
      registers: [this.registry],
    });
    const ended = ({ workflow, taskId: task, outcome, attempt, durationMs }: TaskEvent) => {
      attempts.inc({ workflow, task, outcome });
      if (attempt > 1) retries.inc({ workflow, task });
      duration.observe({ workflow, task }, durationMs / 1_000);
    };
    const runs = this.#counter('baton_runs_ended_total', 'Runs that this worker brought to their end.', [
      'workflow',
      'status',
    ]);
    this.#listen(
      this.#worker.engine.on('task', ended),
      this.#worker.engine.on('ended', ({ workflow, status }) => runs.inc({ workflow, status })),
    );
  }

  #countMessages(): void {
    const { engine } = this.#worker;
    const processed = this.#counter('baton_messages_processed_total', 'Messages from the queues that it is done with.');
    const leases = this.#counter('baton_leases_total', 'Leases asked for, by what came of it.', ['outcome']);
    const published = this.#counter('baton_messages_published_total', 'Messages handed to the broker.', ['outcome']);
    const latency = new this.#prom.Histogram({
      name: 'baton_publish_duration_seconds',
      help: 'From handing a batch of messages to the broker to its confirmation.',
      buckets: PUBLISH_BUCKETS,
      registers: [this.registry],
    });
    this.#listen(
      engine.on('phase', (_, phase) => phase === 'settled' && processed.inc()),
      engine.on('lease', (outcome) => leases.inc({ outcome })),
      engine.on('published', ({ confirmed, failed, durationMs }) => {
        if (confirmed > 0) published.inc({ outcome: 'confirmed' }, confirmed);
        if (failed > 0) published.inc({ outcome: 'failed' }, failed);
        else latency.observe(durationMs / 1_000);
      }),
    );
  }

  #countRescues(): void {
    const counters: Record<Rescue['what'], { inc(count: number): void }> = {
      sessions: this.#counter('baton_dead_sessions_total', 'Sessions of other workers that this one judged dead.'),
      activations: this.#counter('baton_rescued_activations_total', 'What dead sessions left behind and it handed on.'),
      messages: this.#counter('baton_republished_messages_total', 'Lost messages that it published again.'),
      poisoned: this.#counter(
        'baton_poisoned_runs_total',
        'Runs that it failed since a task kept killing its workers.',
      ),
    };
    const failures = this.#counter('baton_infrastructure_failures_total', 'Failed operations on store or broker.');
    this.#listen(
      this.#worker.engine.on('rescue', ({ what, count }) => counters[what].inc(count)),
      this.#worker.engine.on('infrastructure.failed', () => failures.inc()),
    );
  }

  // --------------------------------------------------------------------------------------- how it is now

  #lookAtWorker(lag: LoopLag): void {
    const worker = this.#worker;
    this.#gauge('baton_worker_state', '1 for the state that it is in, 0 for the others.', {
      labelNames: ['state'],
      read: (set) => {
        for (const state of WORKER_STATES) set({ state }, Number(worker.state === state));
      },
    });
    this.#gauge('baton_worker_consuming', '1 while it takes work from the queues.', {
      read: (set) => set({}, Number(worker.consuming)),
    });
    this.#gauge('baton_breaker_state', '1 for the state that its breaker is in; all 0 while it is not running.', {
      labelNames: ['state'],
      read: (set) => {
        for (const state of BREAKER_STATES) set({ state }, Number(worker.breaker === state));
      },
    });
    this.#gauge('baton_health_check_ok', '1 for a check that is fine, 0 for one that is failing.', {
      labelNames: ['check'],
      aggregator: 'min',
      read: (set) => {
        for (const [check, { ok }] of Object.entries(worker.lastHealth.checks)) set({ check }, Number(ok));
      },
    });
    this.#gauge('baton_in_flight', 'Slots in use.', { read: (set) => set({}, worker.engine.inFlight) });
    this.#gauge('baton_slots', 'Tasks that it runs at a time, at most.', { read: (set) => set({}, worker.slots) });
    this.#gauge('baton_event_loop_lag_seconds', 'The longest block of the event loop in the last 10 s.', {
      aggregator: 'max',
      read: (set) => set({}, lag.worstMs() / 1_000),
    });
  }

  #lookAtQueues(): void {
    const depths = new QueueDepths(() => this.#worker.engine.depths());
    const labelNames = ['queue', 'workflow', 'priority'];
    const options = (figure: 'ready' | 'consumers') => ({
      labelNames,
      // Every process sees the same.
      aggregator: 'max' as const,
      read: async (set: (labels: Record<string, string>, value: number) => void) => {
        for (const { queue, ...figures } of await depths.read())
          set({ queue: queue.name, workflow: queue.workflow, priority: String(queue.priority) }, figures[figure]);
      },
    });
    this.#gauge('baton_queue_messages_ready', 'Messages that no consumer has.', options('ready'));
    this.#gauge('baton_queue_consumers', 'Consumers of every process.', options('consumers'));
  }

  // ---------------------------------------------------------------------------------------------- making

  #listen(...undo: (() => void)[]): void {
    this.#undo.push(...undo);
  }

  #counter(name: string, help: string, labelNames: string[] = []) {
    return new this.#prom.Counter({ name, help, labelNames, registers: [this.registry] });
  }

  /** Read anew at each scrape: labels that aren't set then aren't there. */
  #gauge(name: string, help: string, { labelNames = [], aggregator = 'sum', read }: GaugeOptions) {
    const options = { name, help, labelNames, aggregator, registers: [this.registry] };
    if (read === undefined) return new this.#prom.Gauge(options);
    return new this.#prom.Gauge({
      ...options,
      async collect() {
        const values: [Record<string, string>, number][] = [];
        await read((labels, value) => values.push([labels, value]));
        this.reset();
        for (const [labels, value] of values) this.set(labels, value);
      },
    });
  }
}

interface GaugeOptions {
  readonly labelNames?: string[];
  readonly aggregator?: Aggregator;
  readonly read?: (set: (labels: Record<string, string>, value: number) => void) => void | Promise<void>;
}
