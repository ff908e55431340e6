/** What is refused meanwhile, and what is back afterwards. */
import { describe, expect, test } from 'vitest';
import { runs, type TransportContract, until } from '../transport-harness.js';

export function losingTheBroker(contract: TransportContract): void {
  describe('losing the broker', () => {
    test('is noticed, refuses at once what it cannot do, and ends by itself', async () => {
      const states: string[] = [];
      contract.transport.onState((state) => states.push(state));
      const address = contract.transport.replyAddress;
      await contract.harness.setDown(true);
      await until(() => expect(contract.transport.state).toBe('down'));
      const [outcome] = await contract.publish(1);
      expect(outcome).toMatchObject({ ok: false, error: { name: 'ConnectionError' } });
      await expect(contract.consumeFrom(contract.transport)).rejects.toMatchObject({ name: 'ConnectionError' });
      expect(await contract.transport.depth(contract.queue.name)).toBeUndefined();
      contract.transport.announce({ kind: 'run.controlled', run: '1' });
      contract.transport.reply('nobody', { run: '1' });
      contract.transport.emit({ topic: 'run.failed.x', body: {} });
      await contract.harness.setDown(false);
      await until(() => expect(contract.transport.state).toBe('up'));
      expect(states).toEqual(['down', 'up']);
      expect(contract.transport.replyAddress).not.toBe(address);
      expect(await contract.publish(2)).toEqual([{ ok: true }]);
    });

    test('takes the deliveries in hand away, and gives them again to the consumers, which are back', async () => {
      const { inHand } = await contract.consumeFrom(contract.transport, 3);
      await contract.publish(0, 1, 2);
      await until(() => expect(inHand).toHaveLength(3));
      inHand[0]?.ack();
      // The ack is sent in a later turn; the prefetch is free again once the broker has it.
      await contract.publish(3);
      await until(() => expect(inHand).toHaveLength(4));
      await contract.harness.setDown(true);
      await until(() => expect(contract.transport.state).toBe('down'));
      expect(inHand.some(({ settleable }) => settleable)).toBe(false);
      for (const lost of inHand.splice(0)) lost.ack();
      await contract.harness.setDown(false);
      await until(() => expect(runs(inHand)).toEqual([1, 2, 3]));
      for (const delivery of inHand) delivery.ack();
      await until(async () =>
        expect(await contract.transport.depth(contract.queue.name)).toEqual({ ready: 0, consumers: 1 }),
      );
    });

    test('does not bring a consumer back that was cancelled meanwhile', async () => {
      const { consumer, inHand } = await contract.consumeFrom(contract.transport);
      await contract.harness.setDown(true);
      await until(() => expect(contract.transport.state).toBe('down'));
      await consumer.cancel();
      await contract.harness.setDown(false);
      await until(() => expect(contract.transport.state).toBe('up'));
      await contract.publish(1);
      await until(async () =>
        expect(await contract.transport.depth(contract.queue.name)).toEqual({ ready: 1, consumers: 0 }),
      );
      expect(inHand).toHaveLength(0);
    });

    test('brings news and replies back too', async () => {
      const heard: string[] = [];
      contract.transport.onNews(({ kind }) => heard.push(kind));
      contract.transport.onReply((news) => heard.push('run' in news ? news.run : ''));
      await contract.harness.setDown(true);
      await until(() => expect(contract.transport.state).toBe('down'));
      await contract.harness.setDown(false);
      await until(() => expect(contract.transport.state).toBe('up'));
      contract.transport.announce({ kind: 'run.controlled', run: '1' });
      contract.transport.reply(contract.transport.replyAddress as string, { run: '2' });
      await until(() => expect([...heard].sort()).toEqual(['2', 'run.controlled']));
    });
  });
}
