/**
 * From the queues into the slots. Consumes every queue that fits this worker, holds what was delivered, and gives
 * a free slot the delivery with the smallest `priority − waited / agingInterval`. A queue's head is its oldest
 * message and at least one is held of each queue, so the choice is exact. Where consumers begin, each first gets its
 * chance to deliver: the one that the broker is quickest with isn't the most urgent.
 *
 * What is held back from others stays small: one delivery a queue beyond the slots, more only while slots turn
 * over so fast that it is gone within a moment; and a worker whose slots have all been busy for a second gives
 * back whatever it hasn't leased, and consumes again when one is free.
 */
import type { Priority, QueueRow } from '../core/model.js';
import type { Consumer, Delivery, Transport } from '../transport/transport.js';
import { limits } from './limits.js';
import type { StoreClock } from './store-clock.js';
import { Turnover } from './turnover.js';

export interface IntakeOptions {
  readonly transport: Transport;
  readonly clock: StoreClock;
  concurrency: number;
  /** Unsettled deliveries per queue; left out, the intake finds its own measure. */
  prefetch: number | undefined;
  agingIntervalMs: number;
  /** Works on a delivery and settles it; never rejects. */
  readonly work: (delivery: Delivery) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** A queue that this worker takes from. */
interface Source {
  readonly queue: QueueRow;
  consumer: Consumer | undefined;
  /** Delivered and not leased, in the queue's order. */
  hand: Delivery[];
  /** The newest stamp that was delivered; undefined before the first delivery. */
  newest: number | undefined;
}

export class Intake {
  readonly #sources = new Map<string, Source>();
  readonly #turnover = new Turnover();
  #consuming = false;
  #suspended = false;
  #running = 0;
  #suspects = 0;
  #prefetch = 0;
  #saturated: NodeJS.Timeout | undefined;
  /** Runs while consumers that have just begun are given time to deliver: nothing is chosen meanwhile. */
  #gathering: NodeJS.Timeout | undefined;
  /** When a slot last came free, by `performance.now()`. */
  #freedAt = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Consumers change one after the other, each change seeing the result of the one before. */
  #changes: Promise<void> = Promise.resolve();

  constructor(private readonly options: IntakeOptions) {}

  /** Deliveries that are being worked on. */
  get running(): number {
    return this.#running;
  }

  /** Queues that it takes from whenever it consumes. */
  known(): QueueRow[] {
    return Array.from(this.#sources.values(), ({ queue }) => queue);
  }

  /** Queues that are consumed, with the newest stamp delivered from each. */
  watched(): { readonly queue: QueueRow; readonly newest: number | undefined }[] {
    return this.#consuming ? [...this.#sources.values()] : [];
  }

  /** Takes these queues from now on; resolves when those that can be are consumed. */
  async consume(queues: readonly QueueRow[]): Promise<void> {
    this.#consuming = true;
    this.#prefetch = this.#widest();
    this.#gather();
    this.add(queues);
    await this.#changes;
    this.#gatheredSoon();
  }

  /** More queues that fit. Those that are known already don't matter. */
  add(queues: readonly QueueRow[]): void {
    for (const queue of queues) {
      if (!this.#sources.has(queue.name)) {
        this.#sources.set(queue.name, { queue, consumer: undefined, hand: [], newest: undefined });
      }
    }
    this.sync();
  }

  /** Consumes what should be and isn't: a queue is new, or the broker was away. */
  sync(): void {
    if (!this.#consuming || this.#paused()) return;
    this.#change(() => this.#each((source) => this.#open(source)));
  }

  /** No delivery is taken any more; what isn't leased goes back to its queue. */
  async quiesce(): Promise<void> {
    this.#consuming = false;
    clearTimeout(this.#retry);
    this.#giveBack();
    this.#change(() => this.#cancelAll());
    await this.#changes;
    this.#giveBack();
  }

  /** Nothing new starts until resumed: there is no session to lease under. */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
    this.#fill();
  }

  reconfigure(changes: { concurrency?: number; prefetch?: number; agingIntervalMs?: number }): void {
    Object.assign(this.options, changes);
    this.#reopen(this.#widest());
    this.#fill();
  }

  /** Whether something in hand is more urgent, by a whole level, than work of this priority that is ready just now. */
  urgentWaits(priority: Priority): boolean {
    for (const { hand, queue } of this.#sources.values()) {
      const [head] = hand;
      if (head !== undefined && this.#urgency(queue, head) <= priority - 1) return true;
    }
    return false;
  }

  /** Stops timers; consumers were cancelled by quiesce(). */
  close(): void {
    clearTimeout(this.#saturated);
    clearTimeout(this.#gathering);
    clearTimeout(this.#retry);
  }

  // ------------------------------------------------------------------------------------------- slots

  #received(source: Source, delivery: Delivery): void {
    const { publishedAt } = delivery.message;
    if (source.newest === undefined || publishedAt > source.newest) source.newest = publishedAt;
    if (!this.#consuming) {
      delivery.giveBack();
      return;
    }
    source.hand.push(delivery);
    if (this.#gathering !== undefined && this.#anyHandEmpty()) return;
    this.#gathered();
  }

  #fill(): void {
    while (!this.#suspended && this.#gathering === undefined && this.#running < this.options.concurrency) {
      const delivery = this.#take();
      if (delivery === undefined) break;
      void this.#occupy(delivery);
    }
    this.#watchSaturation();
  }

  /** Until each queue has delivered something, or had the time for it. */
  #gather(): void {
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => this.#gathered(), limits.gatherMs);
  }

  /** All consumers have begun: what there is for them is on its way. */
  #gatheredSoon(): void {
    if (this.#gathering === undefined) return;
    clearTimeout(this.#gathering);
    if (this.#sources.size <= 1) this.#gathered();
    else this.#gathering = setTimeout(() => this.#gathered(), limits.deliveryMs);
  }

  #gathered(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#fill();
  }

  #anyHandEmpty(): boolean {
    for (const { hand } of this.#sources.values()) if (hand.length === 0) return true;
    return false;
  }

  async #occupy(delivery: Delivery): Promise<void> {
    const suspect = isSuspect(delivery);
    this.#running++;
    if (suspect) this.#suspects++;
    await this.options.work(delivery);
    this.#running--;
    if (suspect) this.#suspects--;
    this.#turnover.count();
    this.#freedAt = performance.now();
    this.#fill();
    this.#adapt();
  }

  /** The most urgent delivery in hand. Two suspects never run at once: if one kills the process, it is known which. */
  #take(): Delivery | undefined {
    let best: { source: Source; index: number; urgency: number } | undefined;
    for (const source of this.#sources.values()) {
      const index = this.#suspects === 0 ? 0 : source.hand.findIndex((delivery) => !isSuspect(delivery));
      const delivery = source.hand[index];
      if (delivery === undefined) continue;
      const urgency = this.#urgency(source.queue, delivery);
      if (best === undefined || urgency < best.urgency) best = { source, index, urgency };
    }
    if (best === undefined) return undefined;
    const [delivery] = best.source.hand.splice(best.index, 1);
    // Its channel is gone: the broker delivers it again.
    return delivery?.settleable === false ? this.#take() : delivery;
  }

  #urgency(queue: QueueRow, delivery: Delivery): number {
    return queue.priority - (this.options.clock.now() - delivery.message.readyAt) / this.options.agingIntervalMs;
  }

  // --------------------------------------------------------------------------------------- consumers

  #paused(): boolean {
    return this.#prefetch === 0;
  }

  #free(): number {
    return Math.max(0, this.options.concurrency - this.#running);
  }

  #widest(): number {
    const { concurrency, prefetch } = this.options;
    const lookahead = Math.min(concurrency, this.#turnover.within(limits.lookaheadMs));
    return prefetch ?? concurrency + Math.max(1, lookahead);
  }

  #watchSaturation(): void {
    if (this.#free() > 0) {
      clearTimeout(this.#saturated);
      this.#saturated = undefined;
    } else if (this.#saturated === undefined && !this.#paused()) {
      this.#saturated = setTimeout(() => this.#saturate(), limits.saturatedMs);
    }
  }

  /** Every slot has been busy, and none came free: others may take what waits here. */
  #saturate(): void {
    this.#saturated = undefined;
    if (this.#free() > 0 || !this.#consuming) return;
    const busyMs = performance.now() - this.#freedAt;
    if (busyMs < limits.saturatedMs) {
      this.#saturated = setTimeout(() => this.#saturate(), limits.saturatedMs - busyMs);
      return;
    }
    this.#prefetch = 0;
    this.#giveBack();
    this.#change(async () => {
      await this.#cancelAll();
      this.#giveBack();
    });
  }

  /** A slot came free, or the pace changed: hold as much as it takes to keep the slots busy, and no more. */
  #adapt(): void {
    if (!this.#consuming) return;
    const { concurrency } = this.options;
    const widest = this.#widest();
    const free = this.#free();
    // After a saturation the slots come free one by one, and others may be free too: take up no more than these.
    const wanted = free * 2 >= concurrency ? widest : Math.min(widest, free + 1);
    const starved = free > 0 && this.#prefetch < wanted;
    const faster = this.#prefetch > concurrency && widest >= this.#prefetch * 1.5;
    const slower = this.#prefetch >= widest * 1.5;
    if (starved) this.#reopen(wanted);
    else if (faster || slower) this.#reopen(widest);
  }

  /** Consumes again with another prefetch: a running consumer's can't be changed. */
  #reopen(prefetch: number): void {
    const previous = this.#prefetch;
    this.#prefetch = prefetch;
    if (!this.#consuming || prefetch === previous) return;
    if (previous === 0) this.#gather();
    this.#change(async () => {
      await this.#each(async (source) => {
        if (source.consumer?.prefetch === this.#prefetch) return;
        await this.#cancel(source);
        for (const delivery of source.hand.splice(this.#prefetch)) delivery.giveBack();
        await this.#open(source);
      });
      this.#gatheredSoon();
    });
  }

  /** All at once: a queue that the broker is slow with, or refuses, keeps nobody from the others. */
  async #each(work: (source: Source) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled([...this.#sources.values()].map(work));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #open(source: Source): Promise<void> {
    if (!this.#consuming || this.#paused() || source.consumer !== undefined) return;
    const { transport } = this.options;
    if (transport.state !== 'up' && transport.state !== 'blocked') return;
    source.consumer = await transport.consume(source.queue, { prefetch: this.#prefetch }, (delivery) =>
      this.#received(source, delivery),
    );
  }

  #cancelAll(): Promise<void> {
    return this.#each((source) => this.#cancel(source));
  }

  async #cancel(source: Source): Promise<void> {
    const { consumer } = source;
    source.consumer = undefined;
    await consumer?.cancel();
  }

  #giveBack(): void {
    for (const source of this.#sources.values()) for (const delivery of source.hand.splice(0)) delivery.giveBack();
  }

  #change(change: () => Promise<void>): void {
    this.#changes = this.#changes.then(change).catch((error: unknown) => {
      this.options.onError(error);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.sync(), limits.retryMaxMs);
    });
  }
}

function isSuspect(delivery: Delivery): boolean {
  return delivery.message.losses >= limits.suspectAt;
}
