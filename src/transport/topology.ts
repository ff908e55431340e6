/**
 * What a namespace looks like on the broker, as data. Everything is durable but the queue of each process for news
 * and replies. Only what must be the same for everybody is declared; limits, TTLs and the like belong in policies.
 *
 *     baton.<ns>.tasks    direct   → task queues, by their name
 *     baton.<ns>.dead     fanout   → baton.<ns>.dead: what couldn't be read, or was delivered too often
 *     baton.<ns>.control  fanout   → one exclusive queue a process; replies come to it through the default exchange
 *     baton.<ns>.events   topic    → whoever binds a queue of theirs
 */
import type { Options } from 'amqplib';
import { namePart } from '../core/message.js';

export interface ExchangeSpec {
  readonly name: string;
  readonly type: 'direct' | 'fanout' | 'topic';
}

export interface Topology {
  readonly tasks: ExchangeSpec;
  readonly dead: ExchangeSpec;
  readonly control: ExchangeSpec;
  readonly events: ExchangeSpec;
  /** The queue behind `dead`. */
  readonly deadQueue: string;
  readonly deadQueueOptions: Options.AssertQueue;
  readonly taskQueueOptions: Options.AssertQueue;
}

/**
 * A fuse, not a policy: attempts are counted in the store. There has to be one, for without it a quorum queue puts
 * a message that was given back at its tail, and RabbitMQ 4 would choose 20.
 */
const DELIVERY_LIMIT = 1_000;

export function topologyOf(namespace: string): Topology {
  const prefix = `baton.${namePart(namespace)}`;
  const dead = `${prefix}.dead`;
  return {
    tasks: { name: `${prefix}.tasks`, type: 'direct' },
    dead: { name: dead, type: 'fanout' },
    control: { name: `${prefix}.control`, type: 'fanout' },
    events: { name: `${prefix}.events`, type: 'topic' },
    deadQueue: dead,
    deadQueueOptions: { durable: true, arguments: { 'x-queue-type': 'quorum' } },
    taskQueueOptions: {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': DELIVERY_LIMIT,
        'x-dead-letter-exchange': dead,
      },
    },
  };
}

/** Names the process's own queue: gone with its connection. */
export const PRIVATE_QUEUE_OPTIONS: Options.AssertQueue = { exclusive: true, autoDelete: true, durable: false };
