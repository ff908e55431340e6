/** The deliveries of a process, as they go: what is in flight, and for a moment what has just been settled. */
import type { DeliveryPhase } from '../../machines/delivery.js';
import type { Message } from '../core/model.js';
import type { Leased } from '../runtime/leased.js';
import type { DeliveriesView, DeliveryView } from './frame.js';

/** As many are shown. */
const SHOWN = 50;
/** For this long a settled delivery is shown, in ms. */
const LINGERS_MS = 2_000;

type Tracked = { -readonly [K in keyof DeliveryView]: DeliveryView[K] };

export class Deliveries {
  readonly #inFlight = new Map<Message, Tracked>();
  /** The last to be settled. */
  readonly #past: Tracked[] = [];
  #count = 0;
  #settled = 0;

  report(worker: string, message: Message, phase: DeliveryPhase, leased: Leased | undefined, now: number): void {
    const delivery = this.#inFlight.get(message) ?? this.#begin(worker, message, now);
    delivery.phase = phase;
    delivery.since = now;
    if (leased !== undefined) identify(delivery, leased);
    if (phase === 'settled') this.#settle(message, delivery);
  }

  view(now: number): DeliveriesView {
    while (this.#past[0] !== undefined && now - this.#past[0].since > LINGERS_MS) this.#past.shift();
    const oldest = [...this.#inFlight.values()].slice(0, SHOWN);
    const past = this.#past.slice(-Math.max(0, SHOWN - oldest.length) || this.#past.length);
    const shown = [...oldest, ...past].map((delivery) => ({ ...delivery }));
    return { inFlight: this.#inFlight.size, settled: this.#settled, shown };
  }

  /** Whether a view taken later may differ, though nothing is reported. */
  get lingering(): boolean {
    return this.#past.length > 0;
  }

  /** Nobody looks any more: what is in flight isn't followed further. */
  forget(): void {
    this.#inFlight.clear();
    this.#past.length = 0;
    this.#settled = 0;
  }

  #begin(worker: string, message: Message, now: number): Tracked {
    const delivery = { key: ++this.#count, worker, path: message.path, phase: 'leasing', since: now, from: now };
    this.#inFlight.set(message, delivery);
    return delivery;
  }

  #settle(message: Message, delivery: Tracked): void {
    this.#inFlight.delete(message);
    this.#settled++;
    // It was under way already when it was first seen, or there was nothing to do.
    if (delivery.run === undefined) return;
    this.#past.push(delivery);
    if (this.#past.length > SHOWN) this.#past.shift();
  }
}

function identify(delivery: Tracked, { activation, node }: Leased): void {
  delivery.run = activation.info.id;
  delivery.workflow = activation.info.workflow;
  delivery.task = node.id;
  delivery.path = activation.path;
  delivery.attempt = activation.attempt;
}
