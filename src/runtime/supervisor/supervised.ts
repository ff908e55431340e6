/**
 * A process's end of the channel to its supervisor: says whether it takes work, answers what probes and scrapes ask,
 * and stops its worker when it is told to, or when the supervisor is gone.
 */

import type { Probes } from '../http/probes.js';
import { workerProbes } from '../http/worker-probes.js';
import type { Inspected } from '../inspection.js';
import { LoopLag } from '../loop-lag.js';
import { loadPromClient } from '../metrics/prom-client.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { Monitor, Monitored } from '../monitored.js';
import type { WorkerHandle } from '../worker-handle.js';
import type { FromProcess, Question, ToProcess } from './messages.js';

/** What it needs of `process`. */
export interface Channel {
  readonly connected: boolean;
  send?(message: FromProcess): boolean;
  on(event: 'message', listener: (message: ToProcess) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  exit(code: number): void;
}

export interface SupervisedOptions {
  /** Somebody may ask for metrics. */
  readonly metrics: boolean;
  readonly maxLoopLagMs: number;
}

export class Supervised {
  #worker: Pick<WorkerHandle, 'stop'> | undefined;
  #ask: (question: Question) => unknown = () => undefined;
  #inspect: (forMs: number) => void = () => {};

  constructor(
    private readonly channel: Channel,
    private readonly options: SupervisedOptions,
  ) {
    channel.on('message', (message) => this.#heard(message));
    channel.on('disconnect', () => this.#stop({ reason: 'its supervisor is gone' }));
  }

  /** The worker that is stopped; before there is one the process just ends. */
  attach(worker: Pick<WorkerHandle, 'stop'>): void {
    this.#worker = worker;
  }

  /** From now on the supervisor may look on. */
  show(inspected: Inspected): void {
    this.#inspect = inspected.answering((frame) => this.#tell({ frame }));
  }

  /** Watches over the worker while it lives. */
  monitor(worker: Monitored): Monitor {
    const { metrics: counting, maxLoopLagMs: limitMs } = this.options;
    const lag = new LoopLag();
    let metrics: WorkerMetrics | undefined;
    return {
      open: async () => {
        lag.start();
        if (counting) metrics = new WorkerMetrics(await loadPromClient(), worker, lag);
        const probes = workerProbes(worker, { worstMs: () => lag.worstMs(), limitMs });
        this.#ask = (question) => answer(question, probes, metrics);
        let told: boolean | undefined;
        worker.onStep(() => {
          const { consuming: ready } = worker;
          if (ready !== told) this.#tell({ ready });
          told = ready;
        });
      },
      close: async () => {
        lag.stop();
        this.#ask = () => undefined;
        if (metrics !== undefined) this.#tell({ last: await metrics.registry.getMetricsAsJSON() });
        metrics?.close();
      },
    };
  }

  #heard(message: ToProcess): void {
    if ('order' in message) this.#stop(message.order === 'force' ? { timeout: 0 } : { reason: 'its supervisor' });
    else if ('inspectMs' in message) this.#inspect(message.inspectMs);
    else void this.#answer(message.question, message.number);
  }

  async #answer(question: Question, number: number): Promise<void> {
    this.#tell({ answer: await this.#ask(question), number });
  }

  #stop(how: { readonly reason?: string; readonly timeout?: number }): void {
    if (this.#worker === undefined) this.channel.exit(0);
    // How it ended is told by its exit code.
    else this.#worker.stop(how).catch(() => {});
  }

  #tell(message: FromProcess): void {
    if (this.channel.connected) this.channel.send?.(message);
  }
}

function answer(question: Question, probes: Probes, metrics: WorkerMetrics | undefined): unknown {
  return question === 'metrics' ? metrics?.registry.getMetricsAsJSON() : probes[question]();
}
