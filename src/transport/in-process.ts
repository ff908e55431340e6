/**
 * A broker for the transports of one process: nothing leaves it, and nothing outlives it. Tests make it misbehave
 * the way a real one does.
 */
import { InProcessQueue } from './in-process-queue.js';
import type { ControlNews, ReplyNews, TransportEvent } from './transport.js';

/** What couldn't be read, and where it was. */
export interface Parked {
  readonly queue: string;
  readonly reason: string;
  readonly bytes: Uint8Array;
}

/** One process's end of the broker. */
export interface Member {
  readonly namespace: string;
  /** Undefined while it isn't connected. */
  readonly replyAddress: string | undefined;
  /** Its connection alone is lost, or back. */
  setReachable(reachable: boolean): void;
  /** The broker does otherwise than before: look, and follow. */
  refresh(): void;
  hear(news: ControlNews): void;
  answered(news: ReplyNews): void;
}

export class InProcessBroker {
  /** What couldn't be read: the dead-letter queue. */
  readonly parked: Parked[] = [];
  readonly #queues = new Map<string, InProcessQueue>();
  readonly #members = new Set<Member>();
  readonly #watchers = new Set<(namespace: string, event: TransportEvent) => void>();
  #toDrop = 0;
  #down = false;
  #blocked = false;

  /** Every event that is emitted from now on, until the returned function is called. */
  onEvent(watcher: (namespace: string, event: TransportEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  get down(): boolean {
    return this.#down;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** Everybody loses the connection, or gets it back. Messages stay, as they do in durable queues. */
  setDown(down: boolean): void {
    this.#down = down;
    for (const member of this.#members) member.setReachable(!down);
  }

  /** Takes no messages for now; consuming goes on. */
  setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    for (const member of this.#members) member.refresh();
  }

  /** Confirms the next messages, and loses them. */
  dropNext(messages = 1): void {
    this.#toDrop += messages;
  }

  /** With everything in it. Its consumers declare it again. */
  deleteQueue(name: string): void {
    const queue = this.#queues.get(name);
    this.#queues.delete(name);
    queue?.delete();
  }

  /** As if somebody else had published it. */
  put(queue: string, bytes: Uint8Array): void {
    if (this.#toDrop > 0) this.#toDrop--;
    else this.queue(queue).put(bytes);
  }

  /** Declared where it is missing. */
  queue(name: string): InProcessQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new InProcessQueue();
      this.#queues.set(name, queue);
    }
    return queue;
  }

  has(name: string): boolean {
    return this.#queues.has(name);
  }

  announce(namespace: string, news: ControlNews): void {
    setImmediate(() => {
      for (const member of this.#members) if (member.namespace === namespace) member.hear(news);
    });
  }

  reply(address: string, news: ReplyNews): void {
    setImmediate(() => {
      for (const member of this.#members) if (member.replyAddress === address) member.answered(news);
    });
  }

  emit(namespace: string, event: TransportEvent): void {
    setImmediate(() => {
      for (const watcher of this.#watchers) watcher(namespace, event);
    });
  }

  join(member: Member): void {
    this.#members.add(member);
  }

  leave(member: Member): void {
    this.#members.delete(member);
  }
}
