/**
 * One process's end of a broker in memory: a process of the namespace, as it were. It is up at once, unless the
 * broker is down or blocked.
 */
import { ConnectionError } from '../core/errors.js';
import { encodeMessage } from '../core/message.js';
import { NotConfirmedError } from './errors.js';
import type { InProcessBroker, Member } from './in-process.js';
import { InProcessConsumer } from './in-process-consumer.js';
import { Listeners } from './listeners.js';
import { checkPrefetch } from './prefetch.js';
import type {
  BrokerQueue,
  Consumer,
  ControlNews,
  Delivery,
  Outgoing,
  PublishOutcome,
  QueueDepth,
  ReplyNews,
  Transport,
  TransportEvent,
  TransportState,
} from './transport.js';

let addresses = 0;

export class InProcessTransport implements Transport, Member {
  readonly #consumers = new Set<InProcessConsumer>();
  readonly #states = new Listeners<TransportState>(rethrow);
  readonly #news = new Listeners<ControlNews>(rethrow);
  readonly #replies = new Listeners<ReplyNews>(rethrow);
  #address: string | undefined;
  #state: TransportState = 'connecting';
  #reachable: boolean;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly broker: InProcessBroker,
    readonly namespace: string,
  ) {
    this.#reachable = !broker.down;
    this.refresh();
    broker.join(this);
  }

  get state(): TransportState {
    return this.#state;
  }

  onState(listener: (state: TransportState) => void): () => void {
    return this.#states.add(listener);
  }

  async publish(batch: readonly Outgoing[]): Promise<PublishOutcome[]> {
    if (this.#state !== 'up') {
      const error = this.#refusal();
      return batch.map(() => ({ ok: false, error }));
    }
    return batch.map(({ queue, message }) => {
      this.broker.put(queue.name, encodeMessage(message));
      return { ok: true };
    });
  }

  async consume(
    queue: BrokerQueue,
    { prefetch }: { readonly prefetch: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    checkPrefetch(prefetch);
    if (this.#state !== 'up' && this.#state !== 'blocked') throw this.#down();
    const done = (idle: InProcessConsumer) => this.#consumers.delete(idle);
    const consumer = new InProcessConsumer(this.broker, queue.name, prefetch, onDelivery, done);
    this.#consumers.add(consumer);
    consumer.join();
    return consumer;
  }

  async depth(queue: string): Promise<QueueDepth | undefined> {
    if (this.#address === undefined || !this.broker.has(queue)) return undefined;
    const { ready, consumers } = this.broker.queue(queue);
    return { ready, consumers };
  }

  announce(news: ControlNews): void {
    if (this.#state === 'up') this.broker.announce(this.namespace, news);
  }

  onNews(listener: (news: ControlNews) => void): () => void {
    return this.#news.add(listener);
  }

  get replyAddress(): string | undefined {
    return this.#address;
  }

  reply(address: string, news: ReplyNews): void {
    if (this.#state === 'up') this.broker.reply(address, news);
  }

  onReply(listener: (news: ReplyNews) => void): () => void {
    return this.#replies.add(listener);
  }

  emit(event: TransportEvent): void {
    if (this.#state === 'up') this.broker.emit(this.namespace, event);
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = Promise.resolve();
      this.broker.leave(this);
      this.refresh();
    }
    return this.#closed;
  }

  /** The connection of this process alone is lost, or back. */
  setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    this.refresh();
  }

  /** Looks at what the broker does, and follows. */
  refresh(): void {
    const state = this.#currentState();
    if (state === this.#state) return;
    const connected = state === 'up' || state === 'blocked';
    const before = this.#address !== undefined;
    this.#state = state;
    this.#address = connected ? (this.#address ?? `in-process.${++addresses}`) : undefined;
    if (connected && !before) for (const consumer of this.#consumers) consumer.join();
    if (!connected && before) for (const consumer of this.#consumers) consumer.release();
    this.#states.call(state);
  }

  /** News from the broker. */
  hear(news: ControlNews): void {
    if (this.#address !== undefined) this.#news.call(news);
  }

  /** A reply from the broker. */
  answered(news: ReplyNews): void {
    this.#replies.call(news);
  }

  #currentState(): TransportState {
    if (this.#closed !== undefined) return 'closed';
    if (!this.#reachable) return 'down';
    return this.broker.blocked ? 'blocked' : 'up';
  }

  #refusal(): Error {
    if (this.#closed !== undefined) return new NotConfirmedError('the transport is closed');
    if (this.#state === 'blocked') return new NotConfirmedError('the broker takes no messages for now');
    return this.#down();
  }

  #down(): ConnectionError {
    return new ConnectionError('the queues', 'this process');
  }
}

function rethrow(error: Error): void {
  // In a turn of its own: where it ends up is the same, but nobody else is kept from hearing.
  setImmediate(() => {
    throw error;
  });
}
