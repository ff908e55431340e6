/** What may get lost, but usually arrives: news, replies, events. */
import { describe, expect, test } from 'vitest';
import type { ControlNews, ReplyNews, TransportEvent } from '../../../src/transport/transport.js';
import { type TransportContract, until } from '../transport-harness.js';

export function notices(contract: TransportContract): void {
  describe('notices', () => {
    test('of control reach every process of the namespace, and no other', async () => {
      const heard: [string, ControlNews][] = [];
      const [peer, stranger] = [
        await contract.harness.connect(),
        await contract.harness.connect(`${contract.harness.namespace}-x`),
      ];
      contract.transport.onNews((news) => heard.push(['own', news]));
      peer.onNews((news) => heard.push(['peer', news]));
      stranger.onNews((news) => heard.push(['stranger', news]));
      const stop = contract.transport.onNews((news) => heard.push(['stopped', news]));
      stop();
      contract.transport.announce({ kind: 'run.controlled', run: '7' });
      peer.announce({ kind: 'timer.set', inMs: 5 });
      await until(() => expect(heard).toHaveLength(4));
      expect(heard.map(([who, { kind }]) => `${who} ${kind}`).sort()).toEqual([
        'own run.controlled',
        'own timer.set',
        'peer run.controlled',
        'peer timer.set',
      ]);
    });

    test('that are replies reach the process with the address, or nobody', async () => {
      const heard: [string, ReplyNews][] = [];
      const peer = await contract.harness.connect();
      contract.transport.onReply((news) => heard.push(['own', news]));
      peer.onReply((news) => heard.push(['peer', news]));
      contract.transport.reply('nobody', { run: '1' });
      contract.transport.reply(peer.replyAddress as string, { run: '2' });
      peer.reply(contract.transport.replyAddress as string, { run: '3' });
      await until(() => expect(heard).toHaveLength(2));
      expect(heard.sort()).toEqual([
        ['own', { run: '3' }],
        ['peer', { run: '2' }],
      ]);
    });

    test('that are events reach whoever watches', async () => {
      const seen: TransportEvent[] = [];
      await contract.harness.onEvent((event) => seen.push(event));
      contract.transport.emit({ topic: 'run.completed.checkout', body: { run: 'a-1' } });
      await until(() => expect(seen).toEqual([{ topic: 'run.completed.checkout', body: { run: 'a-1' } }]));
    });
  });
}
