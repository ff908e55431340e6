/** A worker's HTTP side: opened before anything else of its start, closed after everything else of its stop. */
import type { Logger } from '../../core/logger.js';
import type { ResolvedHttp } from './http-options.js';
import { LoopLag } from './loop-lag.js';
import { probeRoutes } from './probes.js';
import type { Route } from './route.js';
import { HttpServer } from './server.js';
import { type Probed, workerProbes } from './worker-probes.js';

export interface WorkerHttpOptions {
  readonly http: ResolvedHttp;
  readonly worker: Probed;
  readonly logger: Logger;
  /** Whatever else is to be had at this address. */
  readonly routes: readonly Route[];
}

export class WorkerHttp {
  readonly #server: HttpServer;
  readonly #lag = new LoopLag();

  constructor(private readonly options: WorkerHttpOptions) {
    this.#server = new HttpServer({ ...options.http, logger: options.logger });
  }

  /** Where it listens, while it does. */
  get url(): string | undefined {
    return this.#server.url;
  }

  /** Rejects with a ConfigError when a package is missing, or when it can't listen there. */
  async open(): Promise<void> {
    const { worker, http, routes } = this.options;
    this.#lag.start();
    const probes = workerProbes(worker, { worstMs: () => this.#lag.worstMs(), limitMs: http.maxLoopLagMs });
    await this.#server.open([...probeRoutes(probes), ...routes]);
  }

  async close(): Promise<void> {
    this.#lag.stop();
    await this.#server.close();
  }
}
