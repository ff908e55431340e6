import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { RabbitMqTransport } from '../../../src/transport/rabbitmq.js';
import { topologyOf } from '../../../src/transport/topology.js';
import type { BrokerQueue, Delivery, PublishOutcome, Transport } from '../../../src/transport/transport.js';
import { RabbitMqHarness } from '../../support/rabbitmq-harness.js';
import { numbered, queueOf } from '../../support/transport-harness.js';

const until = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 15_000, interval: 5 });

describe('connecting to RabbitMQ', () => {
  test('names host and port, and neither user nor password, when nobody listens there', async () => {
    const connecting = RabbitMqTransport.connect({ url: 'amqp://someone:secret@127.0.0.1:1', namespace: 'test' });
    const error: Error = await connecting.then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error).toMatchObject({
      name: 'ConnectionError',
      service: 'RabbitMQ',
      target: '127.0.0.1:1',
      cause: { code: 'ECONNREFUSED' },
    });
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toMatch(/someone|secret/);
  });

  test('fails when the broker refuses the password', async () => {
    const url = new URL(inject('amqpUrl'));
    url.password = 'wrong';
    await expect(RabbitMqTransport.connect({ url: url.href, namespace: 'test' })).rejects.toMatchObject({
      code: 'CONNECTION',
    });
  });

  test('gives up after 10 s when somebody listens, but never answers', { timeout: 20_000 }, async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const startedAt = performance.now();
    await expect(
      RabbitMqTransport.connect({ url: `amqp://127.0.0.1:${port}`, namespace: 'test' }),
    ).rejects.toMatchObject({
      code: 'CONNECTION',
    });
    expect(performance.now() - startedAt).toBeLessThan(12_000);
    silent.close();
  });
});

describe('a transport on RabbitMQ', () => {
  let harness: RabbitMqHarness;
  let transport: Transport;
  let queue: BrokerQueue;

  beforeEach(async () => {
    harness = await RabbitMqHarness.open(inject('amqpUrl'));
    transport = await harness.connect(harness.namespace, { publishTimeoutMs: 2_000 });
    queue = queueOf(harness.namespace, 'checkout');
  });
  afterEach(async () => {
    harness.proxy.setStalled(false);
    await harness.close();
  });

  const publish = (...numbers: number[]) => transport.publish(numbers.map((n) => ({ queue, message: numbered(n) })));
  const published = async (n: number) => expect(await publish(n)).toEqual([{ ok: true }]);

  test('does not wait longer than its timeout for a confirm that never comes', async () => {
    await publish(0);
    harness.proxy.setStalled(true);
    const startedAt = performance.now();
    const outcomes = await publish(1, 2);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(outcomes).toMatchObject([1, 2].map(() => ({ ok: false, error: { code: 'NOT_CONFIRMED' } })));
    harness.proxy.setStalled(false);
    await until(() => published(3));
  });

  test('answers everything in time while the broker says nothing, and closes all the same', async () => {
    harness.proxy.setStalled(true);
    const startedAt = performance.now();
    const asked = [
      publish(1),
      transport.depth(queue.name),
      transport.consume(queue, { prefetch: 1 }, () => {}).catch((error: Error) => error.name),
    ];
    expect(await Promise.all(asked)).toMatchObject([[{ ok: false }], undefined, 'ConnectionError']);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    await transport.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(transport.state).toBe('closed');
  });

  test('settles every message when the connection is cut under load, and loses none that it confirmed', async () => {
    const confirmed = new Set<string>();
    const seen = new Set<string>();
    await transport.consume(queue, { prefetch: 50 }, (delivery) => {
      seen.add(delivery.message.run);
      delivery.ack();
    });
    let number = 0;
    for (let round = 0; round < 60; round++) {
      const numbers = Array.from({ length: 20 }, () => number++);
      const publishing = publish(...numbers);
      if (round % 15 === 7) harness.proxy.cut();
      for (const [n, { ok }] of (await publishing).entries()) if (ok) confirmed.add(String(numbers[n]));
      if (transport.state !== 'up') await until(() => expect(transport.state).toBe('up'));
    }
    expect(confirmed.size).toBeGreaterThan(800);
    await until(() => expect([...confirmed].filter((run) => !seen.has(run))).toEqual([]));
  });

  test('fails what was published to an exchange that is gone, and makes it anew', async () => {
    await published(0);
    await harness.onChannel((channel) => channel.deleteExchange(topologyOf(harness.namespace).tasks.name));
    expect(await publish(1, 2)).toMatchObject([1, 2].map(() => ({ ok: false, error: { code: 'NOT_CONFIRMED' } })));
    await until(() => published(3));
    expect(transport.state).toBe('up');
    expect((await transport.depth(queue.name))?.ready).toBe(2);
  });

  test('makes the exchange for news anew when it is gone', async () => {
    const heard: string[] = [];
    transport.onNews(({ kind }) => heard.push(kind));
    await harness.onChannel((channel) => channel.deleteExchange(topologyOf(harness.namespace).control.name));
    transport.announce({ kind: 'run.controlled', run: '1' });
    await until(() => expect(harness.errors.some(({ message }) => message.includes('NOT_FOUND'))).toBe(true));
    await until(() =>
      harness.onChannel(
        async (channel) => void (await channel.checkExchange(topologyOf(harness.namespace).control.name)),
      ),
    );
    const late = await harness.connect();
    late.onNews(({ kind }) => heard.push(kind));
    transport.announce({ kind: 'run.controlled', run: '2' });
    await until(() => expect(heard).toContain('run.controlled'));
  });

  test('says so when a queue has other settings, and goes on with the others', async () => {
    const taken = queueOf(harness.namespace, 'refund');
    await harness.onChannel((channel) => channel.assertQueue(taken.name, { durable: true }));
    const outcomes = await transport.publish([taken, queue].map((to) => ({ queue: to, message: numbered(1) })));
    expect(outcomes).toMatchObject([
      { ok: false, error: { code: 'TOPOLOGY_MISMATCH', message: expect.stringContaining(taken.name) } },
      { ok: true },
    ]);
    await expect(transport.consume(taken, { prefetch: 1 }, () => {})).rejects.toMatchObject({
      code: 'TOPOLOGY_MISMATCH',
    });
    expect(transport.state).toBe('up');
  });

  test('does not connect where an exchange has another type, and names it', async () => {
    const { tasks } = topologyOf(`${harness.namespace}-x`);
    await harness.onChannel((channel) => channel.assertExchange(tasks.name, 'fanout'));
    await expect(harness.connect(`${harness.namespace}-x`)).rejects.toMatchObject({
      code: 'TOPOLOGY_MISMATCH',
      message: expect.stringContaining(tasks.name),
    });
  });

  test('survives listeners that throw, and reports them', async () => {
    const seen: string[] = [];
    transport.onState(() => {
      throw new Error('a bad listener of states');
    });
    await transport.consume(queue, { prefetch: 10 }, (delivery: Delivery) => {
      delivery.ack();
      seen.push(delivery.message.run);
      if (delivery.message.run === '0') throw new Error('a bad consumer');
    });
    await publish(0, 1);
    await until(() => expect(seen).toEqual(['0', '1']));
    await harness.setDown(true);
    await until(() => expect(transport.state).toBe('down'));
    await harness.setDown(false);
    await until(() => expect(transport.state).toBe('up'));
    const messages = harness.errors.map(({ message }) => message);
    expect(messages).toContain('a bad consumer');
    expect(messages).toContain('a bad listener of states');
  });

  test('keeps publishing and consuming while its queue is deleted and purged over and over', async () => {
    const seen = new Set<string>();
    await transport.consume(queue, { prefetch: 20 }, (delivery) => {
      seen.add(delivery.message.run);
      delivery.ack();
    });
    const outcomes: PublishOutcome[] = [];
    for (let round = 0; round < 10; round++) {
      const publishing = publish(...Array.from({ length: 20 }, (_, n) => round * 20 + n));
      await harness
        .onChannel((channel) => (round % 2 === 0 ? channel.deleteQueue(queue.name) : channel.purgeQueue(queue.name)))
        .catch(() => {
          // It was deleted a moment ago, and isn't declared again yet.
        });
      outcomes.push(...(await publishing));
    }
    expect(outcomes).toHaveLength(200);
    await until(async () => expect(await transport.depth(queue.name)).toEqual({ ready: 0, consumers: 1 }));
    await published(1_000);
    await until(() => expect(seen.has('1000')).toBe(true));
    expect(transport.state).toBe('up');
  });

  test('consumes again when its queue was deleted and declared again before the broker told it', async () => {
    const seen: string[] = [];
    await transport.consume(queue, { prefetch: 1 }, (delivery) => {
      seen.push(delivery.message.run);
      delivery.ack();
    });
    await harness.onChannel(async (channel) => {
      await channel.deleteQueue(queue.name);
      await channel.assertQueue(queue.name, topologyOf(harness.namespace).taskQueueOptions);
    });
    expect(await publish(1, 2)).toEqual([{ ok: true }, { ok: true }]);
    // Looking is what brings it back.
    await until(async () => {
      await transport.depth(queue.name);
      expect([...seen].sort()).toEqual(['1', '2']);
    });
  });

  test('comes back when the broker closes its connections, again and again', async () => {
    const seen: string[] = [];
    await transport.consume(queue, { prefetch: 1 }, (delivery) => {
      seen.push(delivery.message.run);
      delivery.ack();
    });
    for (let round = 0; round < 3; round++) {
      const states: string[] = [];
      const stop = transport.onState((state) => states.push(state));
      harness.proxy.cut();
      await until(() => expect(states).toEqual(['down', 'up']));
      stop();
      await published(round);
      await until(() => expect(seen).toContain(String(round)));
    }
  });
});
