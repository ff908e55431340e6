import { describe, expect, test, vi } from 'vitest';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import type { Delivery } from '../../../src/transport/transport.js';
import { transportContract } from '../../support/transport-contract.js';
import { numbered, queueOf } from '../../support/transport-harness.js';

transportContract('within one process', async () => {
  const broker = new InProcessBroker();
  const open: { close(): Promise<void> }[] = [];
  return {
    namespace: 'test',
    async connect(namespace = 'test') {
      const transport = new InProcessTransport(broker, namespace);
      open.push(transport);
      return transport;
    },
    async setDown(down) {
      broker.setDown(down);
    },
    async deleteQueue(name) {
      broker.deleteQueue(name);
    },
    async putRaw(queue, bytes) {
      broker.put(queue, bytes);
    },
    async parked() {
      return broker.parked;
    },
    async onEvent(watcher) {
      broker.onEvent((_, event) => watcher(event));
    },
    async close() {
      await Promise.all(open.map((transport) => transport.close()));
    },
  };
});

describe('the broker within one process', () => {
  const queue = queueOf('test', 'checkout');

  test('confirms and loses as many messages as it is told', async () => {
    const broker = new InProcessBroker();
    const transport = new InProcessTransport(broker, 'test');
    broker.dropNext(2);
    expect(await transport.publish([1, 2, 3].map((n) => ({ queue, message: numbered(n) })))).toEqual([
      { ok: true },
      { ok: true },
      { ok: true },
    ]);
    expect(await transport.depth(queue.name)).toEqual({ ready: 1, consumers: 0 });
  });

  test('takes no messages while it is blocked, but goes on delivering', async () => {
    const broker = new InProcessBroker();
    const transport = new InProcessTransport(broker, 'test');
    const inHand: Delivery[] = [];
    await transport.publish([{ queue, message: numbered(1) }]);
    broker.setBlocked(true);
    expect(transport.state).toBe('blocked');
    expect(await transport.publish([{ queue, message: numbered(2) }])).toMatchObject([
      { ok: false, error: { code: 'NOT_CONFIRMED' } },
    ]);
    await transport.consume(queue, { prefetch: 1 }, (delivery) => inHand.push(delivery));
    await vi.waitFor(() => expect(inHand).toHaveLength(1));
    broker.setBlocked(false);
    expect(transport.state).toBe('up');
    expect(await transport.publish([{ queue, message: numbered(3) }])).toEqual([{ ok: true }]);
  });

  test('shows its state to whoever connects while it is down', async () => {
    const broker = new InProcessBroker();
    broker.setDown(true);
    const transport = new InProcessTransport(broker, 'test');
    expect(transport.state).toBe('down');
    broker.setDown(false);
    expect(transport.state).toBe('up');
  });

  test('keeps the order over thousands of messages taken and given back', async () => {
    const broker = new InProcessBroker();
    const transport = new InProcessTransport(broker, 'test');
    const done: number[] = [];
    await transport.publish(Array.from({ length: 5_000 }, (_, n) => ({ queue, message: numbered(n) })));
    await transport.consume(queue, { prefetch: 1 }, (delivery) => {
      if (!delivery.redelivered && Number(delivery.message.run) % 3 === 0) delivery.giveBack();
      else {
        done.push(Number(delivery.message.run));
        delivery.ack();
      }
    });
    await vi.waitFor(() => expect(done).toHaveLength(5_000), { timeout: 5_000 });
    expect(done).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });
});
