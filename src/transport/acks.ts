/**
 * The deliveries of one channel, and what the broker has to be told of them. Acks are collected for the length of
 * a turn of the event loop and sent as one up to the tag below which everything is settled; the rest one by one.
 * Tags count from 1 and belong to their channel: when it is gone, so are they.
 */
import { type Channel, IllegalOperationError, type Message as RawMessage } from 'amqplib';

export class Acks {
  /** Everything up to here is settled, and the broker knows. */
  #floor = 0;
  /** Settled above the floor. */
  readonly #settled = new Set<number>();
  /** Acked since the broker was last told. */
  #due: number[] = [];
  #scheduled = false;
  #outstanding = 0;
  #live = true;

  constructor(
    private readonly channel: Channel,
    /** Nothing is in hand any more, and the broker was told of everything. */
    private readonly onIdle: () => void,
  ) {}

  /** False once the channel is gone: the broker will deliver everything unsettled again. */
  get live(): boolean {
    return this.#live;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  delivered(): void {
    this.#outstanding++;
  }

  ack(tag: number): void {
    this.#settle(tag);
    this.#due.push(tag);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#settleUp());
  }

  giveBack(tag: number): void {
    this.#nack(tag, true);
  }

  /** The broker moves it to the dead-letter queue. */
  reject(tag: number): void {
    this.#nack(tag, false);
  }

  flush(): void {
    this.#scheduled = false;
    if (!this.#live) return;
    while (this.#settled.delete(this.#floor + 1)) this.#floor++;
    let highest = 0;
    let together = 0;
    for (const tag of this.#due) {
      if (tag > this.#floor) this.#send(tag, false);
      else {
        highest = Math.max(highest, tag);
        together++;
      }
    }
    if (together > 0) this.#send(highest, together > 1);
    this.#due = [];
  }

  /** The channel is gone. */
  end(): void {
    this.#live = false;
    this.#due = [];
    this.#settled.clear();
  }

  #nack(tag: number, requeue: boolean): void {
    this.#settle(tag);
    this.#tell(() => this.channel.nack(message(tag), false, requeue));
    if (this.#outstanding === 0) this.#settleUp();
  }

  #settleUp(): void {
    this.flush();
    if (this.#outstanding === 0) this.onIdle();
  }

  #settle(tag: number): void {
    this.#settled.add(tag);
    this.#outstanding--;
  }

  #send(tag: number, upTo: boolean): void {
    this.#tell(() => this.channel.ack(message(tag), upTo));
  }

  // It throws from the moment that the channel starts to close, by whoever's will: then the broker delivers again.
  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      if (!(error instanceof IllegalOperationError)) throw error;
      this.end();
    }
  }
}

// All that amqplib looks at.
function message(deliveryTag: number): RawMessage {
  return { fields: { deliveryTag } } as RawMessage;
}
