/**
 * A channel that is opened again, with all that `prepare` does on it, whenever it closes while its connection
 * lives; on a new connection it is set up with everything else. Failures repeat with a growing delay.
 */
import type { Channel, ChannelModel } from 'amqplib';
import type { BrokerConnection, Resident } from './broker-connection.js';
import { within } from './within.js';

export interface KeptChannelParts<C extends Channel> {
  readonly create: (model: ChannelModel) => Promise<C>;
  /** Declares, binds, consumes: everything that makes the channel useful. */
  readonly prepare: (channel: C, model: ChannelModel) => Promise<void>;
  /** The channel can't be used any more. */
  readonly lost?: () => void;
  /** Its last chance before it is closed on purpose. */
  readonly finish?: () => void;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** One queue that the broker can't bring back must not keep the connection down: less than its set-up may take. */
const PREPARE_TIMEOUT_MS = 5_000;

export class KeptChannel<C extends Channel> implements Resident {
  #channel: C | undefined;
  #opening: C | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #retired = false;

  constructor(
    private readonly connection: BrokerConnection,
    private readonly parts: KeptChannelParts<C>,
  ) {}

  /** Undefined while it is being opened again. */
  get current(): C | undefined {
    return this.#channel;
  }

  /** Opens; when that fails it is tried again later. */
  async settleIn(model: ChannelModel): Promise<void> {
    await this.open(model).catch((error: Error) => this.#repeat(model, error));
  }

  /** Opens, once. */
  async open(model: ChannelModel): Promise<void> {
    clearTimeout(this.#retry);
    const channel = await this.parts.create(model);
    this.#opening = channel;
    let reason: Error | undefined;
    let closed = false;
    channel.on('error', (error) => {
      reason = error;
    });
    channel.on('handler-error', (error) => this.connection.report(error));
    channel.once('close', () => {
      closed = true;
      if (this.#channel === channel) this.#closed(model, reason);
    });
    try {
      await within(
        this.parts.prepare(channel, model),
        PREPARE_TIMEOUT_MS,
        () => new Error('the broker does not answer'),
      );
      // A frame that closes it may have come in one piece with the last answer.
      if (closed) throw reason ?? new Error('the channel closed while it was prepared');
      if (this.#retired) throw new Error('closed meanwhile');
    } catch (error) {
      if (!closed) {
        // Not waited for: the broker may have stopped answering on this channel.
        channel.close().catch(() => {});
      }
      throw reason ?? error;
    } finally {
      if (this.#opening === channel) this.#opening = undefined;
    }
    this.#channel = channel;
    this.#failures = 0;
  }

  /** Another channel takes its place, after a moment. */
  renew(): void {
    const channel = this.#channel ?? this.#opening;
    channel?.close().catch(() => {
      // It is closing already, for a reason that its `close` event reports.
    });
  }

  /** Isn't opened again. The channel of now stays, until `close`. */
  retire(): void {
    this.#retired = true;
    clearTimeout(this.#retry);
    if (this.#channel === undefined) this.connection.remove(this);
  }

  async close(): Promise<void> {
    this.retire();
    this.connection.remove(this);
    if (this.#channel === undefined) return;
    this.parts.finish?.();
    await this.#channel.close().catch(() => {
      // Closed already, which is all that was wanted.
    });
  }

  #closed(model: ChannelModel, reason: Error | undefined): void {
    this.#channel = undefined;
    this.parts.lost?.();
    if (this.#retired) this.connection.remove(this);
    else this.#repeat(model, reason);
  }

  #repeat(model: ChannelModel, error: Error | undefined): void {
    if (this.#retired || !this.connection.lives(model)) return;
    // A channel goes down with its connection, which says so itself.
    if (error !== undefined) this.connection.report(error);
    const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.connection.lives(model)) void this.settleIn(model);
    }, delayMs);
  }
}
