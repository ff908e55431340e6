/** What a confirm means. */
import { describe, expect, test } from 'vitest';
import { numbered, queueOf, range, type TransportContract, until } from '../transport-harness.js';

export function publishing(contract: TransportContract): void {
  describe('publishing', () => {
    test('confirms every message of a batch, and delivers each as it was, in order', async () => {
      const traced = { ...numbered(200), path: '/2/b0/1#3', traceparent: '00-aa-bb-01' };
      const { inHand } = await contract.consumeFrom(contract.transport, 1_000);
      const batch = [...range(200).map(numbered), traced].map((message) => ({ queue: contract.queue, message }));
      expect(await contract.transport.publish(batch)).toEqual(batch.map(() => ({ ok: true })));
      await until(() => expect(inHand).toHaveLength(201));
      expect(inHand.map(({ message }) => message)).toEqual(batch.map(({ message }) => message));
      expect(inHand[0]).toMatchObject({ queue: contract.queue.name, redelivered: false, settleable: true });
    });

    test('delivers nothing before the call has returned', async () => {
      const { inHand } = await contract.consumeFrom(contract.transport);
      const confirmed = contract.publish(1);
      expect(inHand).toHaveLength(0);
      await confirmed;
      await until(() => expect(inHand).toHaveLength(1));
    });

    test('of nothing has no outcomes', async () => {
      expect(await contract.transport.publish([])).toEqual([]);
    });

    test('keeps messages that nobody consumes yet', async () => {
      await contract.publish(1, 2, 3);
      await until(async () =>
        expect(await contract.transport.depth(contract.queue.name)).toEqual({ ready: 3, consumers: 0 }),
      );
    });

    test('reaches several queues with one batch', async () => {
      const other = queueOf(contract.harness.namespace, 'refund');
      const batch = [contract.queue, other, contract.queue].map((to, n) => ({ queue: to, message: numbered(n) }));
      expect(await contract.transport.publish(batch)).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
      await until(async () => expect((await contract.transport.depth(contract.queue.name))?.ready).toBe(2));
      await until(async () => expect((await contract.transport.depth(other.name))?.ready).toBe(1));
    });

    test('declares a queue again that was deleted since', async () => {
      await contract.publish(1);
      await contract.harness.deleteQueue(contract.queue.name);
      expect(await contract.transport.depth(contract.queue.name)).toBeUndefined();
      expect(await contract.publish(2, 3)).toEqual([{ ok: true }, { ok: true }]);
      await until(async () => expect((await contract.transport.depth(contract.queue.name))?.ready).toBe(2));
    });
  });
}
