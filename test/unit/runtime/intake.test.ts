/** What a free slot takes, when the broker isn't equally quick with all queues. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Priority, QueueRow } from '../../../src/core/model.js';
import { Intake } from '../../../src/runtime/intake.js';
import { limits } from '../../../src/runtime/limits.js';
import { StoreClock } from '../../../src/runtime/store-clock.js';
import type { Delivery, Transport } from '../../../src/transport/transport.js';
import { eventually } from '../../support/eventually.js';

let intake: Intake;
afterEach(async () => {
  await intake.quiesce();
  intake.close();
});

const queueOf = (priority: Priority): QueueRow => ({
  key: priority,
  name: `p${priority}`,
  workflow: 'w',
  hash: 'h',
  tags: [],
  priority,
});

interface Broker {
  /** How long a queue's consumer waits for its first delivery, in ms. */
  readonly slow: Partial<Record<Priority, number>>;
  /** What is in each queue. */
  readonly messages: Map<string, string[]>;
}

/** An intake with one slot on such a broker, and what it has worked on, in order. */
function begin({ slow, messages }: Broker, workMs: number): string[] {
  const worked: string[] = [];
  const transport = {
    state: 'up',
    consume: async (queue: QueueRow, { prefetch }: { prefetch: number }, onDelivery: (delivery: Delivery) => void) => {
      const held = new Set<string>();
      let open = true;
      const deliver = () => {
        const waiting = messages.get(queue.name) ?? [];
        while (open && held.size < prefetch) {
          const run = waiting.shift();
          if (run === undefined) return;
          held.add(run);
          let settled = false;
          const settle = (back: boolean) => () => {
            if (settled) return;
            settled = true;
            held.delete(run);
            if (back) waiting.unshift(run);
            else deliver();
          };
          const message = { run, path: '/0', readyAt: Date.now(), publishedAt: Date.now(), losses: 0 };
          const get = () => !settled;
          const delivery = {
            queue: queue.name,
            message,
            redelivered: false,
            ack: settle(false),
            giveBack: settle(true),
          };
          onDelivery(Object.defineProperty(delivery, 'settleable', { get }) as unknown as Delivery);
        }
      };
      const first = setTimeout(deliver, slow[queue.priority] ?? 0);
      const cancel = async () => {
        open = false;
        clearTimeout(first);
      };
      return { queue: queue.name, prefetch, cancel };
    },
  } as unknown as Transport;
  intake = new Intake({
    transport,
    clock: new StoreClock(),
    concurrency: 1,
    prefetch: undefined,
    agingIntervalMs: 300_000,
    work: async (delivery) => {
      worked.push(delivery.message.run);
      await sleep(workMs);
      delivery.ack();
    },
    onError: () => {},
  });
  return worked;
}

describe('a slot takes the most urgent', () => {
  test('when the worker begins and the broker is quicker with the others', async () => {
    const messages = new Map([
      ['p5', ['minimal']],
      ['p1', ['critical']],
    ]);
    const worked = begin({ slow: { 1: 10 }, messages }, 5);
    await intake.consume([queueOf(5), queueOf(1)]);
    await eventually(() => expect(worked).toEqual(['critical', 'minimal']));
  });

  test('after tasks of over a second each, for which it gave everything back', async () => {
    const messages = new Map([
      ['p5', ['m1', 'm2']],
      ['p1', ['c1', 'c2']],
    ]);
    const worked = begin({ slow: { 1: 10 }, messages }, limits.saturatedMs + 100);
    await intake.consume([queueOf(5), queueOf(1)]);
    await eventually(() => expect(worked).toEqual(['c1', 'c2', 'm1']));
  });
});

test('a queue that is empty, or that the broker is slow with, holds nobody up for long', async () => {
  const messages = new Map([
    ['p5', ['minimal']],
    ['p1', ['critical']],
  ]);
  const worked = begin({ slow: { 1: 400 }, messages }, 5);
  const from = performance.now();
  await intake.consume([queueOf(5), queueOf(3), queueOf(1)]);
  await eventually(() => expect(worked).toEqual(['minimal']), { intervalMs: 5 });
  expect(performance.now() - from).toBeLessThan(200);
});

test('where there is one queue there is nothing to wait for', async () => {
  const messages = new Map([['p3', [] as string[]]]);
  const worked = begin({ slow: {}, messages }, 5);
  await intake.consume([queueOf(3)]);
  expect(worked).toEqual([]);
  messages.get('p3')?.push('only');
  const from = performance.now();
  await eventually(() => expect(worked).toEqual(['only']), { intervalMs: 1 });
  expect(performance.now() - from).toBeLessThan(limits.deliveryMs);
});
