/**
 * A broker for the transports of one process: nothing leaves it, and nothing outlives it. Tests make it misbehave
 * the way a real one does.
 */
import { InProcessQueue } from './in-process-queue.js';
import { InProcessTransport } from './in-process-transport.js';
import type { ControlNews, ReplyNews, TransportEvent } from './transport.js';

/** What couldn't be read, and where it was. */
export interface Parked {
  readonly queue: string;
  readonly reason: string;
  readonly bytes: Uint8Array;
}

export class InProcessBroker {
  /** What couldn't be read: the dead-letter queue. */
  readonly parked: Parked[] = [];
  readonly #queues = new Map<string, InProcessQueue>();
  readonly #transports = new Set<InProcessTransport>();
  readonly #watchers = new Set<(namespace: string, event: TransportEvent) => void>();
  #toDrop = 0;
  #down = false;
  #blocked = false;

  /** One more process of the namespace, as it were. It is up at once, unless the broker is down or blocked. */
  connect(namespace: string): InProcessTransport {
    const transport = new InProcessTransport(this, namespace);
    this.#transports.add(transport);
    return transport;
  }

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
    for (const transport of this.#transports) transport.setReachable(!down);
  }

  /** Takes no messages for now; consuming goes on. */
  setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    for (const transport of this.#transports) transport.refresh();
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
      for (const transport of this.#transports) if (transport.namespace === namespace) transport.hear(news);
    });
  }

  reply(address: string, news: ReplyNews): void {
    setImmediate(() => {
      for (const transport of this.#transports) if (transport.replyAddress === address) transport.answered(news);
    });
  }

  emit(namespace: string, event: TransportEvent): void {
    setImmediate(() => {
      for (const watcher of this.#watchers) watcher(namespace, event);
    });
  }

  leave(transport: InProcessTransport): void {
    this.#transports.delete(transport);
  }
}
