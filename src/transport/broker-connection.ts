/**
 * One connection that comes back by itself. amqplib reconnects; here is what it leaves open: the topology and all
 * channels are there again before the connection counts as up, whatever hangs is bounded, and no `error` event of
 * any connection is without a listener.
 */
import { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';
import { ConnectionError } from '../core/errors.js';
import { CONNECT_TIMEOUT_MS, type ConnectionOptions } from './connection-options.js';
import { cut, writeTogether } from './socket.js';
import { within } from './within.js';

/** What lives on a connection, and has to be set up again on each new one. */
export interface Resident {
  /** Must not reject for what may heal by itself: that would keep the whole connection down. */
  settleIn(model: ChannelModel): Promise<void>;
  close(): Promise<void>;
}

export interface BrokerConnectionEvents {
  /** `model` or `blocked` is another one. */
  readonly onChange: () => void;
  readonly onError: (error: Error) => void;
}

const CLOSE_TIMEOUT_MS = 2_000;
const RECOVERY = { initialDelay: 100, maxDelay: 1_000, factor: 2, jitter: 0.2 };

export class BrokerConnection {
  #recovering: RecoveringChannelModel | undefined;
  /** The one that is connected, though perhaps not set up yet. */
  #model: ChannelModel | undefined;
  #usable = false;
  #usedOnce = false;
  /** Why it couldn't connect, as reported: said once, not at every attempt. */
  #refusal: string | undefined;
  #blocked = false;
  #closed = false;
  readonly #residents = new Set<Resident>();

  constructor(
    private readonly options: ConnectionOptions,
    private readonly declareTopology: (model: ChannelModel) => Promise<void>,
    private readonly events: BrokerConnectionEvents,
  ) {}

  /** Undefined while there is no usable connection. */
  get model(): ChannelModel | undefined {
    return this.#usable ? this.#model : undefined;
  }

  /** False once it is lost for good; another one follows. */
  lives(model: ChannelModel): boolean {
    return this.#model === model;
  }

  /** The broker takes no messages from this connection for now. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Resolves when connected for the first time; one failure ends it. Afterwards it reconnects until closed. */
  async open(): Promise<void> {
    const setup = (model: ChannelModel) => this.#setUp(model);
    this.#recovering = await connect(this.options.address, {
      ...this.options.socket,
      recovery: { ...RECOVERY, initialMaxRetries: 0, waitForConnect: false, setup },
    });
    // Whatever `error` says is the reason of a `close`, which is where it is reported.
    this.#recovering.on('error', () => {});
    this.#recovering.on('connect-failed', (cause) => {
      const { message } = this.down(cause);
      if (this.#usedOnce && message !== this.#refusal) this.report(this.down(cause));
      this.#refusal = message;
    });
    await within(this.#recovering.waitForConnect(), CONNECT_TIMEOUT_MS, () => new Error('no answer'));
  }

  /** Settles in on every connection from the next one on. */
  add(resident: Resident): void {
    this.#residents.add(resident);
  }

  remove(resident: Resident): void {
    this.#residents.delete(resident);
  }

  down(cause?: unknown): ConnectionError {
    return new ConnectionError('RabbitMQ', this.options.target, cause === undefined ? {} : { cause });
  }

  report(error: Error): void {
    this.events.onError(error);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const goodbye = async () => {
      // Channels first: closing the connection could overtake the acks in their buffers.
      await Promise.all([...this.#residents].map((resident) => resident.close()));
      await this.#recovering?.close();
    };
    await within(goodbye(), CLOSE_TIMEOUT_MS, () => new Error('no answer')).catch(async (error: Error) => {
      if (this.#model !== undefined) await cut(this.#model, error);
    });
  }

  async #setUp(model: ChannelModel): Promise<void> {
    let reason: Error | undefined;
    this.#model = model;
    writeTogether(model);
    model.on('error', (error) => {
      reason = error;
    });
    model.on('handler-error', (error) => this.report(error));
    model.on('blocked', () => this.#setBlocked(true));
    model.on('unblocked', () => this.#setBlocked(false));
    model.once('close', (error?: Error) => {
      reason ??= error;
      this.#lost(reason);
    });
    try {
      await within(this.#furnish(model), CONNECT_TIMEOUT_MS, () => new Error('no answer while declaring'));
      if (!this.lives(model)) throw reason ?? new Error('closed while declaring');
    } catch (error) {
      // amqplib would wait for a polite goodbye, without a bound.
      if (this.lives(model)) await cut(model, error as Error);
      throw error;
    }
    this.#usable = true;
    this.#usedOnce = true;
    this.#refusal = undefined;
    this.events.onChange();
  }

  async #furnish(model: ChannelModel): Promise<void> {
    await this.declareTopology(model);
    await Promise.all([...this.#residents].map((resident) => resident.settleIn(model)));
  }

  #lost(error: Error | undefined): void {
    const wasUsable = this.#usable;
    this.#model = undefined;
    this.#usable = false;
    this.#blocked = false;
    if (wasUsable && !this.#closed) this.report(this.down(error));
    this.events.onChange();
  }

  #setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    this.events.onChange();
  }
}
