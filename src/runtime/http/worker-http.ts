/** A worker's HTTP side: opened before anything else of its start, closed after everything else of its stop. */

import { LoopLag } from '../loop-lag.js';
import { metricsRoute } from '../metrics/metrics-route.js';
import { loadPromClient } from '../metrics/prom-client.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { Monitor, Monitored } from '../monitored.js';
import type { ResolvedHttp } from './http-options.js';
import { probeRoutes } from './probes.js';
import type { Route } from './route.js';
import { HttpServer } from './server.js';
import { workerProbes } from './worker-probes.js';

export interface WorkerHttpOptions {
  readonly http: ResolvedHttp;
  readonly worker: Monitored;
  /** Whatever else is to be had at this address. */
  readonly routes: readonly Route[];
}

export class WorkerHttp implements Monitor {
  readonly #server: HttpServer;
  readonly #lag = new LoopLag();
  #metrics: WorkerMetrics | undefined;

  constructor(private readonly options: WorkerHttpOptions) {
    this.#server = new HttpServer({ ...options.http, logger: options.worker.logger });
  }

  /** Where it listens, while it does. */
  get url(): string | undefined {
    return this.#server.url;
  }

  /** Rejects with a ConfigError when a package is missing, or when it can't listen there. */
  async open(): Promise<void> {
    const { worker, http, routes } = this.options;
    this.#lag.start();
    const metrics = new WorkerMetrics(await loadPromClient(), worker, this.#lag);
    this.#metrics = metrics;
    const probes = workerProbes(worker, { worstMs: () => this.#lag.worstMs(), limitMs: http.maxLoopLagMs });
    await this.#server.open([...probeRoutes(probes), metricsRoute(() => metrics.registry), ...routes]);
  }

  async close(): Promise<void> {
    this.#lag.stop();
    await this.#server.close();
    this.#metrics?.close();
  }
}
