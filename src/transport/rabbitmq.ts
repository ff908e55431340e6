/**
 * The transport on RabbitMQ. Publishing and consuming have a connection each, so that acks and deliveries go on
 * while the broker takes no messages.
 */
import type { SocketOptions } from 'amqplib';
import { BrokerConnection } from './broker-connection.js';
import { connectionOptions, type RabbitMqAddress } from './connection-options.js';
import { RabbitMqConsumer } from './consumer.js';
import { Declarations, declareTopology } from './declarations.js';
import { NotConfirmedError, TopologyMismatchError } from './errors.js';
import { Listeners } from './listeners.js';
import { Notices } from './notices.js';
import { checkPrefetch } from './prefetch.js';
import { Publisher } from './publisher.js';
import { onThrowAwayChannel } from './throw-away-channel.js';
import { topologyOf } from './topology.js';
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
import { within } from './within.js';

export interface RabbitMqOptions {
  /** A URL, or amqplib's object. */
  readonly url: RabbitMqAddress;
  /** Passed on to the socket: certificates, keep-alive and the like. */
  readonly socket?: SocketOptions;
  readonly namespace: string;
  /**
   * After how many ms a message without a confirm counts as not confirmed, and an unanswered request as failed.
   * @default 10_000
   */
  readonly publishTimeoutMs?: number;
  /** Shown in the broker's list of connections. @default 'baton' */
  readonly connectionName?: string;
  /**
   * What went wrong and is being repaired: lost connections, closed channels, failed attempts.
   * @default `logger.warn`
   */
  readonly onError?: (error: Error) => void;
  readonly logger?: { warn(fields: object, message?: string): void };
}

export class RabbitMqTransport implements Transport {
  /** Rejects with a ConnectionError when the broker isn't there, or doesn't answer within 10 s. */
  static async connect(options: RabbitMqOptions): Promise<RabbitMqTransport> {
    const transport = new RabbitMqTransport(options);
    await transport.#open();
    return transport;
  }

  readonly #publishing: BrokerConnection;
  readonly #consuming: BrokerConnection;
  readonly #declarations: Declarations;
  readonly #publisher: Publisher;
  readonly #notices: Notices;
  readonly #states: Listeners<TransportState>;
  readonly #timeoutMs: number;
  readonly #consumers = new Set<RabbitMqConsumer>();
  #state: TransportState = 'connecting';
  #closing: Promise<void> | undefined;

  private constructor({
    url,
    socket,
    namespace,
    publishTimeoutMs = 10_000,
    connectionName = 'baton',
    ...rest
  }: RabbitMqOptions) {
    const { logger, onError = (error: Error) => logger?.warn({ err: error }, 'trouble with RabbitMQ') } = rest;
    const topology = topologyOf(namespace);
    const events = { onError, onChange: () => this.#changed() };
    const open = (role: string) =>
      new BrokerConnection(
        connectionOptions(url, `${connectionName} (${role})`, socket),
        (model) => declareTopology(model, topology),
        events,
      );
    this.#timeoutMs = publishTimeoutMs;
    this.#states = new Listeners(onError);
    this.#publishing = open('publish');
    this.#consuming = open('consume');
    this.#declarations = new Declarations(topology);
    const parts = { publishing: this.#publishing, consuming: this.#consuming, topology };
    this.#publisher = new Publisher({ ...parts, declarations: this.#declarations, timeoutMs: publishTimeoutMs });
    this.#notices = new Notices(parts);
  }

  get state(): TransportState {
    return this.#state;
  }

  onState(listener: (state: TransportState) => void): () => void {
    return this.#states.add(listener);
  }

  async publish(batch: readonly Outgoing[]): Promise<PublishOutcome[]> {
    if (batch.length === 0) return [];
    if (this.#state === 'up' && this.#closing === undefined) return this.#publisher.publish(batch);
    const error = this.#refusal();
    return batch.map(() => ({ ok: false, error }));
  }

  async consume(
    queue: BrokerQueue,
    { prefetch }: { readonly prefetch: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer> {
    checkPrefetch(prefetch);
    if (this.#closing !== undefined) throw this.#consuming.down(this.#refusal());
    const consumer = new RabbitMqConsumer({
      consuming: this.#consuming,
      declarations: this.#declarations,
      publisher: this.#publisher,
      queue: queue.name,
      prefetch,
      onDelivery,
      timeoutMs: this.#timeoutMs,
    });
    await consumer.start();
    this.#consumers.add(consumer);
    return consumer;
  }

  async depth(queue: string): Promise<QueueDepth | undefined> {
    const { model } = this.#consuming;
    if (model === undefined) return undefined;
    const look = onThrowAwayChannel(model, (channel) => channel.checkQueue(queue));
    try {
      const { messageCount, consumerCount } = await within(look, this.#timeoutMs, () => this.#consuming.down());
      const depth = { ready: messageCount, consumers: consumerCount };
      this.#wakeDeaf(queue, depth);
      return depth;
    } catch {
      // Not found, or lost on the way: there is nothing to say about it, which is what undefined means.
      return undefined;
    }
  }

  announce(news: ControlNews): void {
    this.#notices.announce(news);
  }

  onNews(listener: (news: ControlNews) => void): () => void {
    return this.#notices.news.add(listener);
  }

  get replyAddress(): string | undefined {
    return this.#notices.replyAddress;
  }

  reply(address: string, news: ReplyNews): void {
    this.#notices.reply(address, news);
  }

  onReply(listener: (news: ReplyNews) => void): () => void {
    return this.#notices.replies.add(listener);
  }

  emit(event: TransportEvent): void {
    this.#notices.emit(event);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Whoever looks at a queue twice wonders why nothing moves: a good moment to check that it is consumed. */
  #wakeDeaf(queue: string, depth: QueueDepth): void {
    for (const consumer of this.#consumers) {
      if (consumer.cancelled) this.#consumers.delete(consumer);
      else if (consumer.queue === queue) consumer.listenAgainIfDeaf(depth);
    }
  }

  async #open(): Promise<void> {
    try {
      await Promise.all([this.#publishing.open(), this.#consuming.open()]);
    } catch (error) {
      await this.close();
      throw error instanceof TopologyMismatchError ? error : this.#publishing.down(error);
    }
  }

  async #close(): Promise<void> {
    await this.#publisher.drain();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
    this.#changed();
  }

  #changed(): void {
    const state = this.#currentState();
    if (state === 'down') this.#declarations.forgetAll();
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'blocked') this.#publisher.giveUp(this.#refusal());
    this.#states.call(state);
  }

  #currentState(): TransportState {
    const connected = this.#publishing.model !== undefined && this.#consuming.model !== undefined;
    if (this.#closing !== undefined && !connected) return 'closed';
    if (!connected) return this.#state === 'connecting' ? 'connecting' : 'down';
    return this.#publishing.blocked ? 'blocked' : 'up';
  }

  #refusal(): Error {
    if (this.#closing !== undefined) return new NotConfirmedError('the transport is closed');
    if (this.#state === 'blocked') {
      return new NotConfirmedError('RabbitMQ takes no messages for now: it is short of memory or disk space');
    }
    return this.#publishing.down();
  }
}
