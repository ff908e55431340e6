/** What every transport keeps, whatever carries the messages. Run over each of them with a harness that can break it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { queueName } from '../../src/core/message.js';
import type { Message } from '../../src/core/model.js';
import type { BrokerQueue, ControlNews, Delivery, ReplyNews, Transport, TransportEvent } from '../../src/transport/transport.js';

export interface TransportHarness {
  readonly namespace: string;
  /** One more process of the namespace, or of another. */
  connect(namespace?: string): Promise<Transport>;
  /** Nobody reaches the broker, or everybody does again. What it has stays. */
  setDown(down: boolean): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** What no Baton published. */
  putRaw(queue: string, bytes: Uint8Array): Promise<void>;
  /** What is in the dead-letter queue. */
  parked(): Promise<{ readonly reason: string; readonly bytes: Uint8Array }[]>;
  onEvent(watcher: (event: TransportEvent) => void): Promise<void>;
  /** Takes everything off the broker. */
  close(): Promise<void>;
}

const WAIT = { timeout: 10_000, interval: 5 };
const until = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, WAIT);

export const numbered = (n: number): Message => ({ run: String(n), path: '/0', readyAt: 1_700_000_000_000, publishedAt: n, losses: 0 });
const runs = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => Number(message.run));
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

export function queueOf(namespace: string, workflow: string): BrokerQueue {
  const spec = { workflow, hash: '0'.repeat(64), tags: [], priority: 3 } as const;
  return { ...spec, name: queueName(namespace, spec) };
}

export function transportContract(name: string, makeHarness: () => Promise<TransportHarness>): void {
  describe(`the transport ${name}`, () => {
    let harness: TransportHarness;
    let transport: Transport;
    let queue: BrokerQueue;

    beforeEach(async () => {
      harness = await makeHarness();
      transport = await harness.connect();
      queue = queueOf(harness.namespace, 'checkout');
    });
    afterEach(async () => {
      await harness.close();
    });

    const publish = (...numbers: number[]) => transport.publish(numbers.map((n) => ({ queue, message: numbered(n) })));
    /** A consumer that keeps everything that it gets. */
    async function consumeFrom(process: Transport, prefetch = 100) {
      const inHand: Delivery[] = [];
      const consumer = await process.consume(queue, { prefetch }, (delivery) => inHand.push(delivery));
      return { consumer, inHand };
    }

    describe('publishing', () => {
      test('confirms every message of a batch, and delivers each as it was, in order', async () => {
        const traced = { ...numbered(200), path: '/2/b0/1#3', traceparent: '00-aa-bb-01' };
        const { inHand } = await consumeFrom(transport, 1_000);
        const batch = [...range(200).map(numbered), traced].map((message) => ({ queue, message }));
        expect(await transport.publish(batch)).toEqual(batch.map(() => ({ ok: true })));
        await until(() => expect(inHand).toHaveLength(201));
        expect(inHand.map(({ message }) => message)).toEqual(batch.map(({ message }) => message));
        expect(inHand[0]).toMatchObject({ queue: queue.name, redelivered: false, settleable: true });
      });

      test('delivers nothing before the call has returned', async () => {
        const { inHand } = await consumeFrom(transport);
        const confirmed = publish(1);
        expect(inHand).toHaveLength(0);
        await confirmed;
        await until(() => expect(inHand).toHaveLength(1));
      });

      test('of nothing has no outcomes', async () => {
        expect(await transport.publish([])).toEqual([]);
      });

      test('keeps messages that nobody consumes yet', async () => {
        await publish(1, 2, 3);
        await until(async () => expect(await transport.depth(queue.name)).toEqual({ ready: 3, consumers: 0 }));
      });

      test('reaches several queues with one batch', async () => {
        const other = queueOf(harness.namespace, 'refund');
        const batch = [queue, other, queue].map((to, n) => ({ queue: to, message: numbered(n) }));
        expect(await transport.publish(batch)).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
        await until(async () => expect((await transport.depth(queue.name))?.ready).toBe(2));
        await until(async () => expect((await transport.depth(other.name))?.ready).toBe(1));
      });

      test('declares a queue again that was deleted since', async () => {
        await publish(1);
        await harness.deleteQueue(queue.name);
        expect(await transport.depth(queue.name)).toBeUndefined();
        expect(await publish(2, 3)).toEqual([{ ok: true }, { ok: true }]);
        await until(async () => expect((await transport.depth(queue.name))?.ready).toBe(2));
      });
    });

    describe('consuming', () => {
      test('holds no more than the prefetch at a time, and refills as they are acked', async () => {
        await publish(...range(10));
        const { inHand } = await consumeFrom(transport, 3);
        await until(async () => expect((await transport.depth(queue.name))?.ready).toBe(7));
        expect(runs(inHand)).toEqual([0, 1, 2]);
        inHand[1]?.ack();
        await until(() => expect(runs(inHand)).toEqual([0, 1, 2, 3]));
        for (let next = 0; next < 10; next++) {
          await until(() => expect(inHand.length).toBeGreaterThan(next));
          inHand[next]?.ack();
        }
        await until(async () => expect(await transport.depth(queue.name)).toEqual({ ready: 0, consumers: 1 }));
      });

      test.each([0, -1, 1.5, 65_536])('refuses a prefetch of %d', async (prefetch) => {
        await expect(transport.consume(queue, { prefetch }, () => {})).rejects.toThrow(RangeError);
      });

      test('forgets exactly what was acked, in whatever order', async () => {
        await publish(...range(8));
        const leaving = await harness.connect();
        const { inHand } = await consumeFrom(leaving, 8);
        await until(() => expect(inHand).toHaveLength(8));
        for (const n of [6, 0, 3, 1, 4]) inHand[n]?.ack();
        await leaving.close();
        const heir = await consumeFrom(transport);
        await until(() => expect(runs(heir.inHand)).toEqual([2, 5, 7]));
        expect(heir.inHand.every(({ redelivered }) => redelivered)).toBe(true);
      });

      test('gives a message back to its old place, for anybody', async () => {
        await publish(0, 1, 2, 3);
        const { inHand } = await consumeFrom(transport, 2);
        await until(() => expect(runs(inHand)).toEqual([0, 1]));
        inHand[0]?.giveBack();
        await until(() => expect(runs(inHand)).toEqual([0, 1, 0]));
        expect(inHand[2]?.redelivered).toBe(true);
      });

      test('settles a delivery once', async () => {
        await publish(0, 1);
        const { inHand } = await consumeFrom(transport, 1);
        await until(() => expect(inHand).toHaveLength(1));
        inHand[0]?.ack();
        expect(inHand[0]?.settleable).toBe(false);
        inHand[0]?.ack();
        inHand[0]?.giveBack();
        await until(() => expect(runs(inHand)).toEqual([0, 1]));
        inHand[1]?.giveBack();
        inHand[1]?.ack();
        await until(() => expect(runs(inHand)).toEqual([0, 1, 1]));
      });

      test('gives what a process had in hand to another, in order and marked, when it goes', async () => {
        const leaving = await harness.connect();
        const { inHand } = await consumeFrom(leaving);
        await publish(0, 1, 2);
        await until(() => expect(inHand).toHaveLength(3));
        await leaving.close();
        expect(inHand.some(({ settleable }) => settleable)).toBe(false);
        const heir = await consumeFrom(transport);
        await until(() => expect(runs(heir.inHand)).toEqual([0, 1, 2]));
        expect(heir.inHand.every(({ redelivered }) => redelivered)).toBe(true);
      });

      test('shares a queue among the consumers of all processes', async () => {
        const other = await harness.connect();
        const mine = await consumeFrom(transport, 1);
        const theirs = await consumeFrom(other, 1);
        await publish(0, 1);
        await until(() => expect([...runs(mine.inHand), ...runs(theirs.inHand)].sort()).toEqual([0, 1]));
        expect(mine.inHand).toHaveLength(1);
        expect((await transport.depth(queue.name))?.consumers).toBe(2);
      });

      test('gets nothing any more once it is cancelled, and can still settle what it has', async () => {
        await publish(...range(4));
        const { consumer, inHand } = await consumeFrom(transport, 2);
        await until(() => expect(inHand).toHaveLength(2));
        await Promise.all([consumer.cancel(), consumer.cancel()]);
        inHand[0]?.ack();
        inHand[1]?.giveBack();
        const next = await consumeFrom(transport);
        await until(() => expect(runs(next.inHand)).toEqual([1, 2, 3]));
        expect(runs(inHand)).toEqual([0, 1]);
      });

      test('parks what it cannot read, with the reason, and goes on', async () => {
        const { inHand } = await consumeFrom(transport, 1);
        await harness.putRaw(queue.name, Buffer.from('{"v":1'));
        await harness.putRaw(queue.name, Buffer.from('{"v":99}'));
        await publish(7);
        await until(() => expect(runs(inHand)).toEqual([7]));
        expect((await harness.parked()).map(({ reason, bytes }) => [reason, Buffer.from(bytes).toString()])).toEqual([
          ['not JSON', '{"v":1'],
          ['version 99 instead of 1', '{"v":99}'],
        ]);
        expect((await transport.depth(queue.name))?.ready).toBe(0);
      });

      test('goes on when its queue is deleted, without what was in it', async () => {
        const { inHand } = await consumeFrom(transport);
        await publish(0);
        await until(() => expect(inHand).toHaveLength(1));
        await harness.deleteQueue(queue.name);
        await until(async () => expect((await transport.depth(queue.name))?.consumers).toBe(1));
        expect(inHand[0]?.settleable).toBe(false);
        inHand[0]?.ack();
        expect(await publish(1)).toEqual([{ ok: true }]);
        await until(() => expect(runs(inHand)).toEqual([0, 1]));
      });
    });

    describe('notices', () => {
      test('of control reach every process of the namespace, and no other', async () => {
        const heard: [string, ControlNews][] = [];
        const [peer, stranger] = [await harness.connect(), await harness.connect(`${harness.namespace}-x`)];
        transport.onNews((news) => heard.push(['own', news]));
        peer.onNews((news) => heard.push(['peer', news]));
        stranger.onNews((news) => heard.push(['stranger', news]));
        const stop = transport.onNews((news) => heard.push(['stopped', news]));
        stop();
        transport.announce({ kind: 'run.controlled', run: '7' });
        peer.announce({ kind: 'timer.set', inMs: 5 });
        await until(() => expect(heard).toHaveLength(4));
        expect(heard.map(([who, { kind }]) => `${who} ${kind}`).sort()).toEqual([
          'own run.controlled',
          'own timer.set',
          'peer run.controlled',
          'peer timer.set',
        ]);
      });

      test('that are replies reach the process with the address, and nobody misses those to an address that is gone', async () => {
        const heard: [string, ReplyNews][] = [];
        const peer = await harness.connect();
        transport.onReply((news) => heard.push(['own', news]));
        peer.onReply((news) => heard.push(['peer', news]));
        transport.reply('nobody', { run: '1' });
        transport.reply(peer.replyAddress as string, { run: '2' });
        peer.reply(transport.replyAddress as string, { run: '3' });
        await until(() => expect(heard).toHaveLength(2));
        expect(heard.sort()).toEqual([
          ['own', { run: '3' }],
          ['peer', { run: '2' }],
        ]);
      });

      test('that are events reach whoever watches', async () => {
        const seen: TransportEvent[] = [];
        await harness.onEvent((event) => seen.push(event));
        transport.emit({ topic: 'run.completed.checkout', body: { run: 'a-1' } });
        await until(() => expect(seen).toEqual([{ topic: 'run.completed.checkout', body: { run: 'a-1' } }]));
      });
    });

    describe('losing the broker', () => {
      test('is noticed, refuses at once what it cannot do, and ends by itself', async () => {
        const states: string[] = [];
        transport.onState((state) => states.push(state));
        const address = transport.replyAddress;
        await harness.setDown(true);
        await until(() => expect(transport.state).toBe('down'));
        const [outcome] = await publish(1);
        expect(outcome).toMatchObject({ ok: false, error: { name: 'ConnectionError' } });
        await expect(consumeFrom(transport)).rejects.toMatchObject({ name: 'ConnectionError' });
        expect(await transport.depth(queue.name)).toBeUndefined();
        transport.announce({ kind: 'run.controlled', run: '1' });
        transport.reply('nobody', { run: '1' });
        transport.emit({ topic: 'run.failed.x', body: {} });
        await harness.setDown(false);
        await until(() => expect(transport.state).toBe('up'));
        expect(states).toEqual(['down', 'up']);
        expect(transport.replyAddress).not.toBe(address);
        expect(await publish(2)).toEqual([{ ok: true }]);
      });

      test('takes the deliveries in hand away, and gives them again to the consumers, which are back', async () => {
        const { inHand } = await consumeFrom(transport, 3);
        await publish(0, 1, 2);
        await until(() => expect(inHand).toHaveLength(3));
        inHand[0]?.ack();
        // The ack is sent in a later turn; the prefetch is free again once the broker has it.
        await publish(3);
        await until(() => expect(inHand).toHaveLength(4));
        await harness.setDown(true);
        await until(() => expect(transport.state).toBe('down'));
        expect(inHand.some(({ settleable }) => settleable)).toBe(false);
        for (const lost of inHand.splice(0)) lost.ack();
        await harness.setDown(false);
        await until(() => expect(runs(inHand)).toEqual([1, 2, 3]));
        for (const delivery of inHand) delivery.ack();
        await until(async () => expect(await transport.depth(queue.name)).toEqual({ ready: 0, consumers: 1 }));
      });

      test('does not bring a consumer back that was cancelled meanwhile', async () => {
        const { consumer, inHand } = await consumeFrom(transport);
        await harness.setDown(true);
        await until(() => expect(transport.state).toBe('down'));
        await consumer.cancel();
        await harness.setDown(false);
        await until(() => expect(transport.state).toBe('up'));
        await publish(1);
        await until(async () => expect(await transport.depth(queue.name)).toEqual({ ready: 1, consumers: 0 }));
        expect(inHand).toHaveLength(0);
      });

      test('brings news and replies back too', async () => {
        const heard: string[] = [];
        transport.onNews(({ kind }) => heard.push(kind));
        transport.onReply(({ run }) => heard.push(run));
        await harness.setDown(true);
        await until(() => expect(transport.state).toBe('down'));
        await harness.setDown(false);
        await until(() => expect(transport.state).toBe('up'));
        transport.announce({ kind: 'run.controlled', run: '1' });
        transport.reply(transport.replyAddress as string, { run: '2' });
        await until(() => expect([...heard].sort()).toEqual(['2', 'run.controlled']));
      });
    });

    describe('closing', () => {
      test('happens once, and then everything is refused', async () => {
        const states: string[] = [];
        transport.onState((state) => states.push(state));
        const closing = transport.close();
        expect(transport.close()).toBe(closing);
        await closing;
        expect(states).toEqual(['closed']);
        expect(transport.state).toBe('closed');
        expect(transport.replyAddress).toBeUndefined();
        expect(await publish(1)).toMatchObject([{ ok: false }]);
        await expect(consumeFrom(transport)).rejects.toThrow();
        expect(await transport.depth(queue.name)).toBeUndefined();
      });

      test('waits for the confirms that are under way', async () => {
        const peer = await harness.connect();
        await publish(0);
        const confirmed = publish(...range(100));
        await transport.close();
        expect((await confirmed).every(({ ok }) => ok)).toBe(true);
        await until(async () => expect((await peer.depth(queue.name))?.ready).toBe(101));
      });

      test('while the broker is away does not wait for it', async () => {
        await harness.setDown(true);
        await until(() => expect(transport.state).toBe('down'));
        await transport.close();
        expect(transport.state).toBe('closed');
        await harness.setDown(false);
      });
    });
  });
}
