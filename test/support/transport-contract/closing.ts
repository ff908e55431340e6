/** Once, and without losing what is under way. */
import { describe, expect, test } from 'vitest';
import { range, type TransportContract, until } from '../transport-harness.js';

export function closing(contract: TransportContract): void {
  describe('closing', () => {
    test('happens once, and then everything is refused', async () => {
      const states: string[] = [];
      contract.transport.onState((state) => states.push(state));
      const closing = contract.transport.close();
      expect(contract.transport.close()).toBe(closing);
      await closing;
      expect(states).toEqual(['closed']);
      expect(contract.transport.state).toBe('closed');
      expect(contract.transport.replyAddress).toBeUndefined();
      expect(await contract.publish(1)).toMatchObject([{ ok: false }]);
      await expect(contract.consumeFrom(contract.transport)).rejects.toThrow();
      expect(await contract.transport.depth(contract.queue.name)).toBeUndefined();
    });

    test('waits for the confirms that are under way', async () => {
      const peer = await contract.harness.connect();
      await contract.publish(0);
      const confirmed = contract.publish(...range(100));
      await contract.transport.close();
      expect((await confirmed).every(({ ok }) => ok)).toBe(true);
      await until(async () => expect((await peer.depth(contract.queue.name))?.ready).toBe(101));
    });

    test('while the broker is away does not wait for it', async () => {
      await contract.harness.setDown(true);
      await until(() => expect(contract.transport.state).toBe('down'));
      await contract.transport.close();
      expect(contract.transport.state).toBe('closed');
      await contract.harness.setDown(false);
    });
  });
}
