/**
 * The contract between the runtime and whatever carries its messages. Two implementations: RabbitMQ
 * (`rabbitmq.ts`) and queues in this process (`in-process.ts`); one contract suite runs over both.
 *
 * A transport is allowed to lose everything, to deliver twice and to deliver late: the rows in the store are
 * the truth. It isn't allowed to confirm what no queue has, or to hang: every promise here settles within
 * `publishTimeoutMs`.
 *
 * One transport serves one namespace and one process.
 */
import type { Message, QueueSpec } from '../core/model.js';

/** A queue as the broker knows it; `core/message.ts` makes the name. */
export interface BrokerQueue extends QueueSpec {
  readonly name: string;
}

export interface Outgoing {
  readonly queue: BrokerQueue;
  readonly message: Message;
}

/** One delivery of one message to one consumer. Settle it once; settling again, or after a reconnect, does nothing. */
export interface Delivery {
  readonly queue: string;
  readonly message: Message;
  /** The broker gave it to somebody before, who didn't ack it: lost it, or gave it back. */
  readonly redelivered: boolean;
  /** The queue forgets it. */
  ack(): void;
  /** The queue gets it back at its old place, for anybody. */
  giveBack(): void;
  /** False once it was settled, or its channel is gone: the broker will deliver it again by itself. */
  readonly settleable: boolean;
}

export interface Consumer {
  readonly queue: string;
  /** Unsettled deliveries that it may hold at a time. */
  readonly prefetch: number;
  /** No delivery reaches `onDelivery` any more once it resolves; those in hand can still be settled. */
  cancel(): Promise<void>;
}

/** What depth() says: messages that no consumer has, and consumers of every process. */
export interface QueueDepth {
  readonly ready: number;
  readonly consumers: number;
}

/** News for every process of the namespace. Whoever misses one learns it from the store a little later. */
export type ControlNews =
  /** A queue is new; look at the store's list again. */
  | { readonly kind: 'queue.added'; readonly name: string }
  /** Control moved the run (cancelled, paused, failed): its leases may be gone; look. */
  | { readonly kind: 'run.controlled'; readonly run: string }
  /** A timer was written by a process that keeps none: due in this many ms. */
  | { readonly kind: 'timer.set'; readonly inMs: number }
  /** Somebody looks at the inspector: for this many ms, tell that address how you are. */
  | { readonly kind: 'inspection.wanted'; readonly to: string; readonly forMs: number };

/** News for one process. */
export type ReplyNews =
  /** It waits for this run's end, which has come; the row has the rest. */
  | { readonly run: string }
  /** It asked with `inspection.wanted`: how a process is. */
  | { readonly frame: object };

/** For dashboards and users: `run.completed.<workflow>`, `task.failed.<workflow>.<task>` … */
export interface TransportEvent {
  readonly topic: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * The connection, as others see it: `up` (usable), `down` (lost; it reconnects by itself until closed), `blocked`
 * (the broker takes no messages for now; consuming goes on), `closed`.
 */
export type TransportState = 'connecting' | 'up' | 'blocked' | 'down' | 'closed';

/** How publishing one message ended: nobody throws for a batch of which a part arrived. */
export type PublishOutcome = { readonly ok: true } | { readonly ok: false; readonly error: Error };

export interface Transport {
  readonly state: TransportState;
  /** Calls back on every change of state, until the returned function is called. */
  onState(listener: (state: TransportState) => void): () => void;

  /**
   * Declares the queues that this process hasn't declared since it last connected, publishes, and resolves with
   * one outcome per message when every one is confirmed by the broker, or refused, unroutable, timed out or cut
   * off. A message without a confirm may have arrived all the same. While down or blocked all are refused at once.
   */
  publish(batch: readonly Outgoing[]): Promise<PublishOutcome[]>;

  /**
   * Declares the queue where needed and consumes it. The consumer outlives reconnects, and the broker cancelling
   * it (a deleted queue is declared again), until `cancel()`. What can't be parsed is parked in the dead-letter
   * queue with a reason and never reaches `onDelivery`. Rejects with a ConnectionError while down.
   */
  consume(
    queue: BrokerQueue,
    options: { readonly prefetch: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Consumer>;

  /** Undefined while the transport is down or the queue doesn't exist. */
  depth(queue: string): Promise<QueueDepth | undefined>;

  /** Tells every process of the namespace, this one included. Best effort, never rejects. */
  announce(news: ControlNews): void;
  onNews(listener: (news: ControlNews) => void): () => void;

  /** Where replies for this process go; stored with the runs that it starts. Changes with each reconnect. */
  readonly replyAddress: string | undefined;
  /** Best effort, never rejects: an address that is gone is ignored. */
  reply(address: string, news: ReplyNews): void;
  onReply(listener: (news: ReplyNews) => void): () => void;

  /** Best effort, never rejects. */
  emit(event: TransportEvent): void;

  /** Waits for confirms under way (at most `publishTimeoutMs`), then closes. Calling it again returns the same promise. */
  close(): Promise<void>;
}
