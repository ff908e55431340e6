/** The contract suite's hold on a real broker: transports come through a proxy, everything else goes direct. */
import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { type RabbitMqOptions, RabbitMqTransport } from '../../src/transport/rabbitmq.js';
import { topologyOf } from '../../src/transport/topology.js';
import type { Transport } from '../../src/transport/transport.js';
import { CuttableProxy } from './cuttable-proxy.js';
import { queueOf, type TransportHarness } from './transport-harness.js';

export class RabbitMqHarness implements TransportHarness {
  /** Owns a namespace of its own on the broker, and takes it away again with `close`. */
  static async open(url: string): Promise<RabbitMqHarness> {
    const { hostname, port } = new URL(url);
    const proxy = new CuttableProxy(hostname, Number(port || 5672));
    await proxy.listen();
    return new RabbitMqHarness(url, proxy, await connect(url));
  }

  readonly namespace = `test-${randomUUID().slice(0, 8)}`;
  /** What transports reported as being repaired. */
  readonly errors: Error[] = [];
  readonly #transports: RabbitMqTransport[] = [];
  readonly #namespaces = new Set<string>([this.namespace]);

  private constructor(
    private readonly url: string,
    readonly proxy: CuttableProxy,
    private readonly direct: ChannelModel,
  ) {
    direct.on('error', () => {});
  }

  async connect(namespace: string = this.namespace, options: Partial<RabbitMqOptions> = {}): Promise<Transport> {
    this.#namespaces.add(namespace);
    const url = new URL(this.url);
    url.port = String(this.proxy.port);
    url.hostname = '127.0.0.1';
    const transport = await RabbitMqTransport.connect({
      url: url.href,
      namespace,
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.#transports.push(transport);
    return transport;
  }

  setDown(down: boolean): Promise<void> {
    return this.proxy.setDown(down);
  }

  async deleteQueue(name: string): Promise<void> {
    await this.onChannel((channel) => channel.deleteQueue(name));
  }

  async putRaw(queue: string, bytes: Uint8Array): Promise<void> {
    const channel = await this.direct.createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from(bytes));
    await channel.waitForConfirms();
    await channel.close();
  }

  async parked(): Promise<{ reason: string; bytes: Uint8Array }[]> {
    const found: { reason: string; bytes: Uint8Array }[] = [];
    await this.onChannel(async (channel) => {
      for (;;) {
        const message = await channel.get(topologyOf(this.namespace).deadQueue, { noAck: true });
        if (message === false) return;
        found.push({ reason: String(message.properties.headers?.['x-baton-reason']), bytes: message.content });
      }
    });
    return found;
  }

  async onEvent(watcher: (event: { topic: string; body: Record<string, unknown> }) => void): Promise<void> {
    const channel = await this.direct.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, topologyOf(this.namespace).events.name, '#');
    await channel.consume(queue, (message) => {
      if (message !== null) watcher({ topic: message.fields.routingKey, body: JSON.parse(message.content.toString()) });
    });
  }

  /** Straight to the broker, past the proxy. */
  async onChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.direct.createChannel();
    channel.on('error', () => {});
    const result = await work(channel);
    await channel.close();
    return result;
  }

  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
    await this.proxy.close();
    await this.onChannel(async (channel) => {
      for (const namespace of this.#namespaces) {
        const { tasks, dead, control, events, deadQueue } = topologyOf(namespace);
        const queues = ['checkout', 'refund'].map((workflow) => queueOf(namespace, workflow).name);
        for (const queue of [...queues, deadQueue]) await channel.deleteQueue(queue);
        for (const { name } of [tasks, dead, control, events]) await channel.deleteExchange(name);
      }
    });
    await this.direct.close();
  }
}
