/** What the contract suite holds a transport by: ways to break it, and names and messages to break it with. */
import { vi } from 'vitest';
import { queueName } from '../../src/core/message.js';
import type { Message } from '../../src/core/model.js';
import type {
  BrokerQueue,
  Consumer,
  Delivery,
  PublishOutcome,
  Transport,
  TransportEvent,
} from '../../src/transport/transport.js';

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

/** One test's harness, with a transport and a queue of its own. */
export interface TransportContract {
  readonly harness: TransportHarness;
  readonly transport: Transport;
  readonly queue: BrokerQueue;
  /** Numbered messages, to the queue. */
  publish(...numbers: number[]): Promise<PublishOutcome[]>;
  /** A consumer of the queue that keeps everything that it gets. Its prefetch is 100 unless told. */
  consumeFrom(process: Transport, prefetch?: number): Promise<{ consumer: Consumer; inHand: Delivery[] }>;
}

export const until = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 10_000, interval: 5 });

export const range = (count: number) => Array.from({ length: count }, (_, n) => n);

export function numbered(n: number): Message {
  return { run: String(n), path: '/0', readyAt: 1_700_000_000_000, publishedAt: n, losses: 0 };
}

export const runs = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => Number(message.run));

export function queueOf(namespace: string, workflow: string): BrokerQueue {
  const spec = { workflow, hash: '0'.repeat(64), tags: [], priority: 3 } as const;
  return { ...spec, name: queueName(namespace, spec) };
}
