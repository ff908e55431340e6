/**
 * One consumer of one queue, on a channel of its own. It comes back with the connection, when its channel closes
 * (the broker closes it on a delivery that stays unsettled for too long), and when its queue is deleted.
 */
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { decodeMessage, UnreadableMessageError } from '../core/message.js';
import type { Message } from '../core/model.js';
import { Acks } from './acks.js';
import type { BrokerConnection } from './broker-connection.js';
import type { Declarations } from './declarations.js';
import { TopologyMismatchError, UnansweredError } from './errors.js';
import { KeptChannel } from './kept-channel.js';
import type { Publisher } from './publisher.js';
import type { Consumer, Delivery, QueueDepth } from './transport.js';
import { within } from './within.js';

/** How long the broker may take to answer to `consume`, and how often in a row it may fail to. */
const CONSUME_TIMEOUT_MS = 4_000;
const PATIENCE = 3;

export interface ConsumerParts {
  readonly consuming: BrokerConnection;
  readonly declarations: Declarations;
  readonly publisher: Publisher;
  readonly queue: string;
  readonly prefetch: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Bounds what the broker is waited for. */
  readonly timeoutMs: number;
}

export class RabbitMqConsumer implements Consumer {
  readonly #channel: KeptChannel<Channel>;
  #acks: Acks | undefined;
  #tag = '';
  #cancelled: Promise<void> | undefined;
  #received = 0;
  /** What had been received when it was last found idle although there is something to do. */
  #idleAt: number | undefined;
  /** How often in a row the broker left `consume` unanswered. */
  #unanswered = 0;

  constructor(private readonly parts: ConsumerParts) {
    this.#channel = new KeptChannel<Channel>(parts.consuming, {
      create: (model) => model.createChannel(),
      prepare: (channel, model) => this.#consume(channel, model),
      finish: () => this.#acks?.flush(),
    });
  }

  get queue(): string {
    return this.parts.queue;
  }

  get prefetch(): number {
    return this.parts.prefetch;
  }

  /** Consumes from now on; when it can't do so at once it rejects, and never will. */
  async start(): Promise<void> {
    const { consuming, queue, timeoutMs } = this.parts;
    const { model } = consuming;
    if (model === undefined) throw consuming.down();
    consuming.add(this.#channel);
    try {
      await within(this.#channel.open(model), timeoutMs, () => new Error(`no answer to consuming ${queue}`));
    } catch (error) {
      this.#cancelled = this.#channel.close();
      throw error instanceof TopologyMismatchError ? error : consuming.down(error);
    }
  }

  cancel(): Promise<void> {
    this.#cancelled ??= this.#cancel();
    return this.#cancelled;
  }

  get cancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /**
   * Consumes anew where the queue seems to have forgotten this consumer: seen twice in a row idle on a queue with
   * messages, or without any consumer. The broker isn't always heard when a queue is deleted and declared again.
   */
  listenAgainIfDeaf({ ready, consumers }: QueueDepth): void {
    const consuming = this.#channel.current !== undefined;
    const idle = consumers === 0 || (ready > 0 && this.#acks?.outstanding === 0);
    if (!consuming || !idle) this.#idleAt = undefined;
    else if (this.#idleAt !== this.#received) this.#idleAt = this.#received;
    else {
      this.#idleAt = undefined;
      this.#renew();
    }
  }

  async #cancel(): Promise<void> {
    this.#channel.retire();
    const channel = this.#channel.current;
    if (channel === undefined) return;
    const { consuming, timeoutMs } = this.parts;
    await within(channel.cancel(this.#tag), timeoutMs, () => consuming.down()).catch(() => {
      // A channel that is gone has cancelled already, and what still comes is given back unseen.
    });
    this.#closeWhenIdle();
  }

  async #consume(channel: Channel, model: ChannelModel): Promise<void> {
    const acks = new Acks(channel, () => this.#closeWhenIdle());
    this.#acks = acks;
    channel.once('close', () => acks.end());
    try {
      await this.parts.declarations.ensure(this.queue, model);
      await channel.prefetch(this.prefetch);
      const answer = channel.consume(this.queue, (raw) => this.#receive(raw, acks));
      const { consumerTag } = await within(answer, CONSUME_TIMEOUT_MS, () => new UnansweredError(this.queue));
      this.#tag = consumerTag;
      this.#unanswered = 0;
    } catch (error) {
      this.parts.declarations.forget(this.queue);
      if (error instanceof UnansweredError) this.#despair(model);
      throw error;
    }
  }

  /**
   * A queue that was made in the last second before its broker was killed may come back as a name without anybody
   * behind it, for good (RabbitMQ 3.10). It is given up: what it held were pointers, and is published again.
   */
  #despair(model: ChannelModel): void {
    if (++this.#unanswered < PATIENCE) return;
    this.#unanswered = 0;
    this.parts.declarations.remove(this.queue, model).catch((error: Error) => this.parts.consuming.report(error));
  }

  #receive(raw: ConsumeMessage | null, acks: Acks): void {
    if (raw === null) {
      // The queue was deleted, with what this channel has in hand.
      acks.end();
      this.#renew();
      return;
    }
    acks.delivered();
    this.#received++;
    const tag = raw.fields.deliveryTag;
    if (this.#cancelled !== undefined) {
      acks.giveBack(tag);
      return;
    }
    const message = read(raw.content);
    if (message instanceof UnreadableMessageError) void this.#park(raw, message.reason, acks);
    else this.parts.onDelivery(new RabbitMqDelivery(this.queue, message, raw.fields.redelivered, tag, acks));
  }

  async #park({ content, fields }: ConsumeMessage, reason: string, acks: Acks): Promise<void> {
    const headers = { 'x-baton-reason': reason, 'x-baton-queue': this.queue };
    const parked = await this.parts.publisher.park(content, headers);
    if (!acks.live) return;
    // Otherwise the broker moves it, if without the reason.
    if (parked) acks.ack(fields.deliveryTag);
    else acks.reject(fields.deliveryTag);
  }

  #renew(): void {
    this.parts.declarations.forget(this.queue);
    this.#channel.renew();
  }

  /** What is in hand after `cancel` needs the channel. */
  #closeWhenIdle(): void {
    const idle = this.#acks === undefined || this.#acks.outstanding === 0 || !this.#acks.live;
    if (this.#cancelled !== undefined && idle) void this.#channel.close();
  }
}

function read(content: Uint8Array): Message | UnreadableMessageError {
  try {
    return decodeMessage(content);
  } catch (error) {
    if (error instanceof UnreadableMessageError) return error;
    throw error;
  }
}

class RabbitMqDelivery implements Delivery {
  #settled = false;

  constructor(
    readonly queue: string,
    readonly message: Message,
    readonly redelivered: boolean,
    private readonly tag: number,
    private readonly acks: Acks,
  ) {}

  get settleable(): boolean {
    return !this.#settled && this.acks.live;
  }

  ack(): void {
    if (!this.settleable) return;
    this.#settled = true;
    this.acks.ack(this.tag);
  }

  giveBack(): void {
    if (!this.settleable) return;
    this.#settled = true;
    this.acks.giveBack(this.tag);
  }
}
