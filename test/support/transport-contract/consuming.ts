/** Prefetch, settling, redelivery, and what a consumer survives. */
import { describe, expect, test } from 'vitest';
import { range, runs, type TransportContract, until } from '../transport-harness.js';

export function consuming(contract: TransportContract): void {
  describe('consuming', () => {
    test('holds no more than the prefetch at a time, and refills as they are acked', async () => {
      await contract.publish(...range(10));
      const { inHand } = await contract.consumeFrom(contract.transport, 3);
      await until(async () => expect((await contract.transport.depth(contract.queue.name))?.ready).toBe(7));
      expect(runs(inHand)).toEqual([0, 1, 2]);
      inHand[1]?.ack();
      await until(() => expect(runs(inHand)).toEqual([0, 1, 2, 3]));
      for (let next = 0; next < 10; next++) {
        await until(() => expect(inHand.length).toBeGreaterThan(next));
        inHand[next]?.ack();
      }
      await until(async () =>
        expect(await contract.transport.depth(contract.queue.name)).toEqual({ ready: 0, consumers: 1 }),
      );
    });

    test.each([0, -1, 1.5, 65_536])('refuses a prefetch of %d', async (prefetch) => {
      await expect(contract.transport.consume(contract.queue, { prefetch }, () => {})).rejects.toThrow(RangeError);
    });

    test('forgets exactly what was acked, in whatever order', async () => {
      await contract.publish(...range(8));
      const leaving = await contract.harness.connect();
      const { inHand } = await contract.consumeFrom(leaving, 8);
      await until(() => expect(inHand).toHaveLength(8));
      for (const n of [6, 0, 3, 1, 4]) inHand[n]?.ack();
      await leaving.close();
      const heir = await contract.consumeFrom(contract.transport);
      await until(() => expect(runs(heir.inHand)).toEqual([2, 5, 7]));
      expect(heir.inHand.every(({ redelivered }) => redelivered)).toBe(true);
    });

    test('gives a message back to its old place, for anybody', async () => {
      await contract.publish(0, 1, 2, 3);
      const { inHand } = await contract.consumeFrom(contract.transport, 2);
      await until(() => expect(runs(inHand)).toEqual([0, 1]));
      inHand[0]?.giveBack();
      await until(() => expect(runs(inHand)).toEqual([0, 1, 0]));
      expect(inHand[2]?.redelivered).toBe(true);
    });

    test('settles a delivery once', async () => {
      await contract.publish(0, 1);
      const { inHand } = await contract.consumeFrom(contract.transport, 1);
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
      const leaving = await contract.harness.connect();
      const { inHand } = await contract.consumeFrom(leaving);
      await contract.publish(0, 1, 2);
      await until(() => expect(inHand).toHaveLength(3));
      await leaving.close();
      expect(inHand.some(({ settleable }) => settleable)).toBe(false);
      const heir = await contract.consumeFrom(contract.transport);
      await until(() => expect(runs(heir.inHand)).toEqual([0, 1, 2]));
      expect(heir.inHand.every(({ redelivered }) => redelivered)).toBe(true);
    });

    test('shares a queue among the consumers of all processes', async () => {
      const other = await contract.harness.connect();
      const mine = await contract.consumeFrom(contract.transport, 1);
      const theirs = await contract.consumeFrom(other, 1);
      await contract.publish(0, 1);
      await until(() => expect([...runs(mine.inHand), ...runs(theirs.inHand)].sort()).toEqual([0, 1]));
      expect(mine.inHand).toHaveLength(1);
      expect((await contract.transport.depth(contract.queue.name))?.consumers).toBe(2);
    });

    test('gets nothing any more once it is cancelled, and can still settle what it has', async () => {
      await contract.publish(...range(4));
      const { consumer, inHand } = await contract.consumeFrom(contract.transport, 2);
      await until(() => expect(inHand).toHaveLength(2));
      await Promise.all([consumer.cancel(), consumer.cancel()]);
      inHand[0]?.ack();
      inHand[1]?.giveBack();
      const next = await contract.consumeFrom(contract.transport);
      await until(() => expect(runs(next.inHand)).toEqual([1, 2, 3]));
      expect(runs(inHand)).toEqual([0, 1]);
    });

    test('parks what it cannot read, with the reason, and goes on', async () => {
      const { inHand } = await contract.consumeFrom(contract.transport, 1);
      await contract.harness.putRaw(contract.queue.name, Buffer.from('{"v":1'));
      await contract.harness.putRaw(contract.queue.name, Buffer.from('{"v":99}'));
      await contract.publish(7);
      await until(() => expect(runs(inHand)).toEqual([7]));
      expect(
        (await contract.harness.parked()).map(({ reason, bytes }) => [reason, Buffer.from(bytes).toString()]),
      ).toEqual([
        ['not JSON', '{"v":1'],
        ['version 99 instead of 1', '{"v":99}'],
      ]);
      expect((await contract.transport.depth(contract.queue.name))?.ready).toBe(0);
    });

    test('goes on when its queue is deleted, without what was in it', async () => {
      const { inHand } = await contract.consumeFrom(contract.transport);
      await contract.publish(0);
      await until(() => expect(inHand).toHaveLength(1));
      await contract.harness.deleteQueue(contract.queue.name);
      await until(async () => expect((await contract.transport.depth(contract.queue.name))?.consumers).toBe(1));
      expect(inHand[0]?.settleable).toBe(false);
      inHand[0]?.ack();
      expect(await contract.publish(1)).toEqual([{ ok: true }]);
      await until(() => expect(runs(inHand)).toEqual([0, 1]));
    });
  });
}
