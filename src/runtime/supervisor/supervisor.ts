/**
 * Worker processes under one supervisor: `machines/supervisor.ts` decides, this starts and signals them, and answers
 * for them over HTTP.
 */
import type { ChildProcess } from 'node:child_process';
import { createActor, fromCallback, waitFor } from 'xstate';
import {
  idOf,
  type ProcessEvent,
  type ProcessOrder,
  supervisedProcess,
  supervisorMachine,
} from '../../../machines/supervisor.js';
import type { Logger } from '../../core/logger.js';
import type { ResolvedHttp } from '../http/http-options.js';
import { probeRoutes } from '../http/probes.js';
import { HttpServer } from '../http/server.js';
import type { SupervisorInspection } from '../inspection.js';
import { limits } from '../limits.js';
import { LoopLag } from '../loop-lag.js';
import { metricsRoute } from '../metrics/metrics-route.js';
import { loadPromClient } from '../metrics/prom-client.js';
import { handleSignals, type SignalSource } from '../process-signals.js';
import { MergedMetrics } from './merged-metrics.js';
import type { Figures } from './messages.js';
import { ProcessHandle } from './process-handle.js';
import { type OfProcess, supervisorProbes } from './supervisor-probes.js';

export interface SupervisorOptions {
  readonly processes: number;
  /** Starts one, with a channel to it. */
  readonly start: (index: number) => ChildProcess;
  /** Whether a process that ended with this code during its first start would do so again. */
  readonly hopeless: (code: number) => boolean;
  readonly http: ResolvedHttp | undefined;
  readonly logger: Logger;
  /** Shows itself and its processes, at `/inspect` where it answers HTTP. */
  readonly inspection?: SupervisorInspection | undefined;
  /** @default this process */
  readonly signals?: SignalSource;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #actor;
  readonly #handles = new Map<number, ProcessHandle>();
  readonly #lag = new LoopLag();
  readonly #lookers = new Set<(frame: object) => void>();
  #metrics: MergedMetrics | undefined;
  #allReadyOnce = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const run = fromCallback<ProcessOrder, { index: number }, ProcessEvent>(({ input, sendBack, receive }) =>
      this.#run(input.index, sendBack, receive),
    );
    const machine = supervisorMachine.provide({ actors: { process: supervisedProcess.provide({ actors: { run } }) } });
    const { inspection } = options;
    const inspected = inspection === undefined ? {} : { inspect: inspection.observer };
    const input = { processes: options.processes, random: Math.random };
    this.#actor = createActor(machine, { id: 'supervisor', input, ...inspected });
    inspection?.meet({ look: (saw) => this.#look(saw) });
  }

  /** Resolves when every process has ended, with the exit code. Rejects when it can't serve HTTP: nothing was started then. */
  async run(): Promise<number> {
    const server = await this.#serve();
    const source = this.#options.signals ?? process;
    const unhandle = handleSignals(
      {
        stop: (signal) => this.#stop(signal),
        force: () => this.#actor.send({ type: 'stop.forced' }),
        reload: (signal) => this.#signalAll(signal),
      },
      {
        on: (signal, listener) => source.on(signal, listener),
        off: (signal, listener) => source.off(signal, listener),
        exit: (code) => {
          this.#signalAll('SIGKILL');
          source.exit(code);
        },
      },
    );
    try {
      this.#sayWhenReady();
      this.#actor.start();
      const { output } = await waitFor(this.#actor, ({ status }) => status === 'done');
      return output as number;
    } finally {
      unhandle();
      await server?.close();
      this.#lag.stop();
    }
  }

  // ------------------------------------------------------------------------------------------- processes

  #run(
    index: number,
    sendBack: (event: ProcessEvent) => void,
    receive: (listener: (order: ProcessOrder) => void) => void,
  ) {
    const { start, hopeless, logger } = this.#options;
    let last: object | undefined;
    const handle = new ProcessHandle(start(index), {
      ready: (ready) => sendBack({ type: ready ? 'process.ready' : 'process.unready' }),
      frame: (frame) => {
        last = frame;
        this.#show(frame);
      },
      last: (figures) => this.#metrics?.note(index, figures),
      exited: (code, signal) => {
        this.#handles.delete(index);
        this.#metrics?.retire(index);
        if (last !== undefined) this.#show({ ...last, left: true });
        if (!this.#stopping())
          logger.warn({ process: index, exited: handle.pid, code, signal }, 'a worker process ended');
        sendBack({ type: 'process.exited', code: code ?? 1, hopeless: code !== null && hopeless(code) });
      },
    });
    this.#handles.set(index, handle);
    receive((order) => handle.order(order));
    return () => handle.kill('SIGKILL');
  }

  #stop(signal: NodeJS.Signals): void {
    this.#options.logger.info({ reason: signal, processes: this.#handles.size }, 'supervisor stopping');
    this.#actor.send({ type: 'stop.requested' });
  }

  #signalAll(signal: NodeJS.Signals): void {
    for (const handle of this.#handles.values()) handle.kill(signal);
  }

  #stopping(): boolean {
    return !this.#actor.getSnapshot().matches('working');
  }

  #sayWhenReady(): void {
    let were = false;
    this.#actor.subscribe((snapshot) => {
      const are = snapshot.matches({ working: 'ready' });
      if (are && !were) this.#options.logger.info({ processes: this.#options.processes }, 'all workers running');
      were = are;
      this.#allReadyOnce ||= are;
    });
  }

  // ------------------------------------------------------------------------------------------------ HTTP

  async #serve(): Promise<HttpServer | undefined> {
    const { http, logger } = this.#options;
    if (http === undefined) return undefined;
    this.#lag.start();
    const metrics = new MergedMetrics(await loadPromClient(), () => this.#figures());
    this.#metrics = metrics;
    const server = new HttpServer({ ...http, logger });
    const probes = supervisorProbes({
      processes: () => this.#processes(),
      stopping: () => this.#stopping(),
      started: () => this.#allReadyOnce,
      lag: { worstMs: () => this.#lag.worstMs(), limitMs: http.maxLoopLagMs },
    });
    const route = metricsRoute(async () => {
      await this.#gather(metrics);
      return metrics.registry();
    });
    const { inspection } = this.#options;
    await server.open([...probeRoutes(probes), route, ...(inspection?.routes() ?? [])]);
    if (inspection !== undefined) logger.info({ url: `${server.url}/inspect` }, 'inspector');
    return server;
  }

  #show(frame: object): void {
    for (const saw of this.#lookers) saw(frame);
  }

  #look(saw: (frame: object) => void): () => void {
    this.#lookers.add(saw);
    const ask = () => {
      for (const handle of this.#handles.values()) handle.inspect(3 * limits.inspectMs);
    };
    ask();
    const asking = setInterval(ask, limits.inspectMs).unref();
    return () => {
      clearInterval(asking);
      this.#lookers.delete(saw);
    };
  }

  async #gather(metrics: MergedMetrics): Promise<void> {
    const asked = Array.from(this.#handles, async ([index, handle]) => {
      const figures = (await handle.ask('metrics')) as Figures | undefined;
      // It may have ended meanwhile, and what it counted is in the sums already.
      if (figures !== undefined && this.#handles.get(index) === handle) metrics.note(index, figures);
    });
    await Promise.all(asked);
  }

  #figures() {
    const { states } = this.#actor.getSnapshot().context;
    const ready = states.filter((state) => state === 'ready').length;
    return { processes: states.length, ready, restarts: this.#processes().reduce((sum, one) => sum + one.restarts, 0) };
  }

  #processes(): OfProcess[] {
    const { context, children } = this.#actor.getSnapshot();
    return context.states.map((state, i) => {
      const handle = this.#handles.get(i + 1);
      const restarts = children[idOf(i + 1)]?.getSnapshot().context.restarts ?? 0;
      return { state, restarts, pid: handle?.pid, ask: async (question) => handle?.ask(question) };
    });
  }
}
