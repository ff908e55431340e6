/**
 * What this process believes to exist on the broker. Beliefs end with the connection, and when the broker says
 * otherwise (unroutable, cancelled, not found); declaring again is harmless.
 */
import type { ChannelModel } from 'amqplib';
import { TopologyMismatchError } from './errors.js';
import { onThrowAwayChannel } from './throw-away-channel.js';
import type { Topology } from './topology.js';
import { within } from './within.js';

/** What the broker answers to a declaration that contradicts an earlier one. */
const PRECONDITION_FAILED = 406;
/** After this long it is asked for again. */
const DECLARE_TIMEOUT_MS = 5_000;

export class Declarations {
  #known = new Set<string>();
  #pending = new Map<string, Promise<void>>();

  constructor(private readonly topology: Topology) {}

  has(queue: string): boolean {
    return this.#known.has(queue);
  }

  forget(queue: string): void {
    this.#known.delete(queue);
  }

  forgetAll(): void {
    this.#known = new Set();
    this.#pending = new Map();
  }

  /** From then on the task queue exists, and gets what is published under its name. */
  async ensure(queue: string, model: ChannelModel): Promise<void> {
    const [known, pending] = [this.#known, this.#pending];
    if (known.has(queue)) return;
    let declared = pending.get(queue);
    if (declared === undefined) {
      const late = () => new Error(`no answer to the declaration of ${queue}`);
      declared = within(declareTaskQueue(model, this.topology, queue), DECLARE_TIMEOUT_MS, late).finally(() =>
        pending.delete(queue),
      );
      pending.set(queue, declared);
    }
    await declared;
    // What was forgotten meanwhile stays so: then this is no longer the set in use.
    known.add(queue);
  }

  /** Takes the queue off the broker, with whatever is in it. Whoever needs it declares it again. */
  async remove(queue: string, model: ChannelModel): Promise<void> {
    this.forget(queue);
    await onThrowAwayChannel(model, (channel) => channel.deleteQueue(queue));
    this.forget(queue);
  }
}

/** Everything that isn't a task queue. */
export async function declareTopology(model: ChannelModel, topology: Topology): Promise<void> {
  const { tasks, dead, control, events, deadQueue, deadQueueOptions } = topology;
  for (const { name, type } of [tasks, dead, control, events]) {
    await declaring(model, `the exchange ${name}`, (channel) => channel.assertExchange(name, type, { durable: true }));
  }
  await declaring(model, `the queue ${deadQueue}`, async (channel) => {
    await channel.assertQueue(deadQueue, deadQueueOptions);
    await channel.bindQueue(deadQueue, dead.name, '');
  });
}

async function declareTaskQueue(model: ChannelModel, topology: Topology, queue: string): Promise<void> {
  await declaring(model, `the queue ${queue}`, async (channel) => {
    await channel.assertQueue(queue, topology.taskQueueOptions);
    await channel.bindQueue(queue, topology.tasks.name, queue);
  });
}

type Work = Parameters<typeof onThrowAwayChannel>[1];

// The broker answers a contradiction by closing the channel, with whatever else is under way on it.
async function declaring(model: ChannelModel, what: string, work: Work): Promise<void> {
  try {
    await onThrowAwayChannel(model, work);
  } catch (error) {
    if ((error as { code?: unknown }).code !== PRECONDITION_FAILED) throw error;
    throw new TopologyMismatchError(what, { cause: error });
  }
}
