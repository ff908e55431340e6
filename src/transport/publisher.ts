/**
 * Publishes task messages on one confirm channel, all that is under way pipelined. Every message ends in one
 * outcome: confirmed, returned as unroutable, lost with the channel, given up, or late.
 */
import { setTimeout } from 'node:timers/promises';
import type { ConfirmChannel, Options } from 'amqplib';
import { encodeMessage } from '../core/message.js';
import type { BrokerConnection } from './broker-connection.js';
import { type Declarations, declareTopology } from './declarations.js';
import { NotConfirmedError, UnroutableError } from './errors.js';
import { type Flight, Flights } from './flights.js';
import { KeptChannel } from './kept-channel.js';
import type { Topology } from './topology.js';
import type { Outgoing, PublishOutcome } from './transport.js';
import { within } from './within.js';

export interface PublisherParts {
  readonly publishing: BrokerConnection;
  /** Where queues are declared: a connection that publishes can be blocked. */
  readonly consuming: BrokerConnection;
  readonly declarations: Declarations;
  readonly topology: Topology;
  readonly timeoutMs: number;
}

/** Queues that couldn't be declared, and why. */
type Undeclared = ReadonlyMap<string, Error>;

/**
 * Declared again within some 20 ms of its deletion, the broker (3.10) forgets to tell the queue's consumers that
 * they consume no more. So they get time to hear it, and to declare it first.
 */
const REDECLARE_PAUSE_MS = 200;

const CONFIRMED: PublishOutcome = { ok: true };
const NONE: Undeclared = new Map();

export class Publisher {
  readonly #channel: KeptChannel<ConfirmChannel>;
  readonly #flights = new Flights();
  /** Ids of messages that came back; the confirm follows, and says `ack` all the same. */
  readonly #returned = new Set<string>();
  #lastId = 0;

  constructor(private readonly parts: PublisherParts) {
    this.#channel = new KeptChannel<ConfirmChannel>(parts.publishing, {
      create: (model) => model.createConfirmChannel(),
      prepare: async (channel, model) => {
        channel.on('return', ({ properties }) => this.#returned.add(properties.messageId));
        await declareTopology(model, parts.topology);
      },
      lost: () => {
        this.#returned.clear();
        // Publishing to an exchange that is gone ends here, and its bindings went with it.
        parts.declarations.forgetAll();
      },
    });
    parts.publishing.add(this.#channel);
  }

  /** `batch` has at least one message. */
  async publish(batch: readonly Outgoing[]): Promise<PublishOutcome[]> {
    const deadlineAt = performance.now() + this.parts.timeoutMs;
    const undeclared = this.#allDeclared(batch) ? NONE : await this.#declare(batch, deadlineAt);
    const outcomes = await this.#send(batch, undeclared, deadlineAt);
    return outcomes.some(isUnroutable) ? this.#sendAgain(batch, outcomes, deadlineAt) : outcomes;
  }

  /** Parks what couldn't be read. True once the dead-letter queue has it. */
  async park(content: Buffer, headers: Readonly<Record<string, string>>): Promise<boolean> {
    const flight = this.#flights.start(1, performance.now() + this.parts.timeoutMs);
    this.#put(flight, 0, { exchange: this.parts.topology.dead.name, key: '', content, options: { headers } });
    const [outcome] = await flight.landed;
    return outcome?.ok === true;
  }

  /** What is under way gets no confirm soon: its senders go on without. */
  giveUp(reason: Error): void {
    this.#flights.endAll(reason);
  }

  /** Resolves when nothing is under way any more. */
  drain(): Promise<void> {
    return this.#flights.drain();
  }

  #send(batch: readonly Outgoing[], undeclared: Undeclared, deadlineAt: number): Promise<PublishOutcome[]> {
    const flight = this.#flights.start(batch.length, deadlineAt);
    const exchange = this.parts.topology.tasks.name;
    batch.forEach(({ queue, message }, index) => {
      const error = undeclared.get(queue.name);
      if (error !== undefined) flight.land(index, { ok: false, error });
      else this.#put(flight, index, { exchange, key: queue.name, content: encodeMessage(message) });
    });
    return flight.landed;
  }

  /** Once more, for those whose queue was deleted since it was declared. */
  async #sendAgain(
    batch: readonly Outgoing[],
    outcomes: PublishOutcome[],
    deadlineAt: number,
  ): Promise<PublishOutcome[]> {
    const again = batch.filter((_, index) => isUnroutable(outcomes[index]));
    for (const { queue } of again) this.parts.declarations.forget(queue.name);
    await setTimeout(Math.min(REDECLARE_PAUSE_MS, deadlineAt - performance.now()));
    const repeated = await this.#send(again, await this.#declare(again, deadlineAt), deadlineAt);
    const next = repeated.values();
    return outcomes.map((outcome) => (isUnroutable(outcome) ? (next.next().value as PublishOutcome) : outcome));
  }

  #put(flight: Flight, index: number, { exchange, key, content, options }: Parcel): void {
    const channel = this.#channel.current;
    if (channel === undefined) {
      flight.land(index, failed('the channel to the broker is being opened again'));
      return;
    }
    const id = String(++this.#lastId);
    try {
      channel.publish(
        exchange,
        key,
        content,
        { ...options, persistent: true, mandatory: true, messageId: id },
        (error) => {
          if (error) flight.land(index, failed('the broker did not confirm the message', error));
          else if (this.#returned.delete(id)) flight.land(index, { ok: false, error: new UnroutableError(key) });
          else flight.land(index, CONFIRMED);
        },
      );
    } catch (error) {
      flight.land(index, failed('the channel to the broker is closed', error));
    }
  }

  #allDeclared(batch: readonly Outgoing[]): boolean {
    return batch.every(({ queue }) => this.parts.declarations.has(queue.name));
  }

  async #declare(batch: readonly Outgoing[], deadlineAt: number): Promise<Undeclared> {
    const undeclared = new Map<string, Error>();
    const names = new Set(batch.map(({ queue }) => queue.name));
    const late = () => new NotConfirmedError('the broker did not answer to the declaration of a queue in time');
    const declareOne = async (name: string) => {
      const { model } = this.parts.consuming;
      try {
        if (model === undefined) throw this.parts.consuming.down();
        await within(this.parts.declarations.ensure(name, model), deadlineAt - performance.now(), late);
      } catch (error) {
        undeclared.set(name, error as Error);
      }
    };
    await Promise.all([...names].map(declareOne));
    return undeclared;
  }
}

interface Parcel {
  readonly exchange: string;
  readonly key: string;
  readonly content: Buffer;
  readonly options?: Options.Publish;
}

function isUnroutable(outcome: PublishOutcome | undefined): boolean {
  return outcome !== undefined && !outcome.ok && outcome.error instanceof UnroutableError;
}

function failed(message: string, cause?: unknown): PublishOutcome {
  return { ok: false, error: new NotConfirmedError(message, cause === undefined ? {} : { cause }) };
}
