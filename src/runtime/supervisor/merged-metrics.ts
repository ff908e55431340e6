/**
 * The metrics of several processes as one. What a process counted before it ended stays in the sums: a sum that fell
 * would look to Prometheus like a restart of everything.
 */
import type { Registry } from 'prom-client';
import type { PromClient } from '../metrics/prom-client.js';
import type { Figures } from './messages.js';

/** The supervisor's own figures. */
export interface OwnFigures {
  readonly processes: number;
  readonly ready: number;
  readonly restarts: number;
}

export class MergedMetrics {
  readonly #prom: PromClient;
  readonly #own: Registry;
  /** What each living process said last. */
  readonly #living = new Map<number, Figures>();
  #ended: Promise<Figures> = Promise.resolve([]);

  constructor(prom: PromClient, own: () => OwnFigures) {
    this.#prom = prom;
    this.#own = new prom.Registry();
    const registers = [this.#own];
    new prom.Gauge({
      name: 'baton_supervisor_processes',
      help: 'How many worker processes there should be.',
      registers,
      collect() {
        this.set(own().processes);
      },
    });
    new prom.Gauge({
      name: 'baton_supervisor_ready',
      help: 'How many of them take work.',
      registers,
      collect() {
        this.set(own().ready);
      },
    });
    new prom.Counter({
      name: 'baton_supervisor_restarts_total',
      help: 'Worker processes that were started again.',
      registers,
      collect() {
        this.reset();
        this.inc(own().restarts);
      },
    });
  }

  /** What a process says of itself now. */
  note(index: number, figures: Figures): void {
    this.#living.set(index, figures);
  }

  /** It has ended: its counts stay, how it was doesn't. */
  retire(index: number): void {
    const counted = (this.#living.get(index) ?? []).filter(({ type }) => isCount(type));
    this.#living.delete(index);
    const { AggregatorRegistry } = this.#prom;
    this.#ended = this.#ended.then((before) => AggregatorRegistry.aggregate([before, counted]).getMetricsAsJSON());
  }

  async registry(): Promise<Registry> {
    const { AggregatorRegistry, Registry } = this.#prom;
    const ended = await this.#ended;
    const processes = AggregatorRegistry.aggregate([...this.#living.values(), ended]) as Registry;
    return Registry.merge([processes, this.#own]);
  }
}

// prom-client's types have them as an enum, what it hands out are its words.
function isCount(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
