/** One consumer of one queue in memory, and what it has in hand. */
import { decodeMessage, UnreadableMessageError } from '../core/message.js';
import type { Message } from '../core/model.js';
import type { InProcessBroker } from './in-process.js';
import type { Entry, InProcessQueue, Taker } from './in-process-queue.js';
import type { Consumer, Delivery } from './transport.js';

export class InProcessConsumer implements Consumer, Taker {
  readonly #held = new Set<InProcessDelivery>();
  #source: InProcessQueue | undefined;
  #cancelled = false;

  constructor(
    private readonly broker: InProcessBroker,
    readonly queue: string,
    readonly prefetch: number,
    private readonly onDelivery: (delivery: Delivery) => void,
    /** It is cancelled, and has nothing in hand any more. */
    private readonly onDone: (consumer: InProcessConsumer) => void,
  ) {}

  get hasRoom(): boolean {
    return this.#held.size < this.prefetch;
  }

  /** Consumes, on a connection that has just come up. */
  join(): void {
    if (this.#cancelled) return;
    this.#source = this.broker.queue(this.queue);
    this.#source.join(this);
  }

  /** The connection is gone: the broker has everything back. */
  release(): void {
    this.#source?.leave(this);
    const held = [...this.#held];
    this.#held.clear();
    for (const { entry } of held) this.#source?.putBack(entry);
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#source?.leave(this);
    if (this.#held.size === 0) this.onDone(this);
  }

  take(entry: Entry): void {
    let message: Message;
    try {
      message = decodeMessage(entry.bytes);
    } catch (error) {
      if (!(error instanceof UnreadableMessageError)) throw error;
      this.broker.parked.push({ queue: this.queue, reason: error.reason, bytes: entry.bytes });
      return;
    }
    const delivery = new InProcessDelivery(this, entry, message);
    this.#held.add(delivery);
    this.onDelivery(delivery);
  }

  queueDeleted(): void {
    this.#held.clear();
    this.join();
  }

  holds(delivery: InProcessDelivery): boolean {
    return this.#held.has(delivery);
  }

  settle(delivery: InProcessDelivery, back: boolean): void {
    if (!this.#held.delete(delivery)) return;
    if (back) this.#source?.putBack(delivery.entry);
    this.#source?.offer();
    if (this.#cancelled && this.#held.size === 0) this.onDone(this);
  }
}

class InProcessDelivery implements Delivery {
  readonly redelivered: boolean;

  constructor(
    private readonly consumer: InProcessConsumer,
    readonly entry: Entry,
    readonly message: Message,
  ) {
    this.redelivered = entry.redelivered;
  }

  get queue(): string {
    return this.consumer.queue;
  }

  get settleable(): boolean {
    return this.consumer.holds(this);
  }

  ack(): void {
    this.consumer.settle(this, false);
  }

  giveBack(): void {
    this.consumer.settle(this, true);
  }
}
