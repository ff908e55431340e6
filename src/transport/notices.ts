/**
 * What may get lost: news for every process, replies for one, events for the world. Sent without confirms, and
 * dropped where that can't be done at once; received on a queue that lives as long as this process's connection.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import type { BrokerConnection } from './broker-connection.js';
import { declareTopology } from './declarations.js';
import { KeptChannel } from './kept-channel.js';
import { Listeners } from './listeners.js';
import { PRIVATE_QUEUE_OPTIONS, type Topology } from './topology.js';
import type { ControlNews, ReplyNews, TransportEvent } from './transport.js';

export interface NoticesParts {
  readonly publishing: BrokerConnection;
  readonly consuming: BrokerConnection;
  readonly topology: Topology;
}

/** The `type` property tells one from the other, for they share a queue. */
const NEWS = 'news';
const REPLY = 'reply';

export class Notices {
  readonly news: Listeners<ControlNews>;
  readonly replies: Listeners<ReplyNews>;
  readonly #outbox: KeptChannel<Channel>;
  readonly #inbox: KeptChannel<Channel>;
  #address: string | undefined;

  constructor(private readonly parts: NoticesParts) {
    const { publishing, consuming, topology } = parts;
    this.news = new Listeners((error) => consuming.report(error));
    this.replies = new Listeners((error) => consuming.report(error));
    this.#outbox = new KeptChannel<Channel>(publishing, {
      create: (model) => model.createChannel(),
      prepare: (_, model) => declareTopology(model, topology),
    });
    this.#inbox = new KeptChannel<Channel>(consuming, {
      create: (model) => model.createChannel(),
      prepare: (channel) => this.#listen(channel),
      lost: () => {
        this.#address = undefined;
      },
    });
    publishing.add(this.#outbox);
    consuming.add(this.#inbox);
  }

  get replyAddress(): string | undefined {
    return this.#address;
  }

  announce(news: ControlNews): void {
    this.#send(this.parts.topology.control.name, '', news, NEWS);
  }

  reply(address: string, news: ReplyNews): void {
    // The default exchange: the address is the name of a queue.
    this.#send('', address, news, REPLY);
  }

  emit({ topic, body }: TransportEvent): void {
    this.#send(this.parts.topology.events.name, topic, body, 'event');
  }

  #send(exchange: string, key: string, body: object, type: string): void {
    const channel = this.#outbox.current;
    // Under an alarm the broker reads nothing: it would pile up here.
    if (channel === undefined || this.parts.publishing.blocked) return;
    try {
      channel.publish(exchange, key, Buffer.from(JSON.stringify(body)), { contentType: 'application/json', type });
    } catch (error) {
      this.parts.publishing.report(error as Error);
    }
  }

  async #listen(channel: Channel): Promise<void> {
    const { queue } = await channel.assertQueue('', PRIVATE_QUEUE_OPTIONS);
    await channel.bindQueue(queue, this.parts.topology.control.name, '');
    await channel.consume(queue, (raw) => this.#receive(raw), { noAck: true, exclusive: true });
    this.#address = queue;
  }

  #receive(raw: ConsumeMessage | null): void {
    if (raw === null) {
      this.#inbox.renew();
      return;
    }
    const body = parse(raw.content);
    if (typeof body !== 'object' || body === null) return;
    // Kinds that only a newer version knows are the listeners' to ignore.
    if (raw.properties.type === NEWS && typeof (body as ControlNews).kind === 'string')
      this.news.call(body as ControlNews);
    else if (raw.properties.type === REPLY && isReply(body)) this.replies.call(body);
  }
}

function isReply(body: object): body is ReplyNews {
  if ('run' in body) return typeof body.run === 'string';
  return 'frame' in body && typeof body.frame === 'object' && body.frame !== null;
}

/** Undefined for what isn't JSON: a stranger's message on our queue is nothing to stop for. */
function parse(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}
