/**
 * The queues that this process knows: by key, for what a statement made ready, and by what they are for, when an
 * activation is about to be written. A queue's row is written in a transaction of its own, before anything that
 * refers to it, and never changes; so what is known stays true.
 */

import { queueName } from '../core/message.js';
import type { Priority, QueueRow, QueueSpec } from '../core/model.js';
import type { Node } from '../core/tree.js';
import type { Store } from '../store/store.js';
import type { Transport } from '../transport/transport.js';

export class QueueDirectory {
  readonly #byKey = new Map<number, QueueRow>();
  readonly #byName = new Map<string, QueueRow>();
  readonly #pending = new Map<string, Promise<QueueRow>>();

  constructor(
    private readonly store: Store,
    private readonly transport: Transport,
    private readonly namespace: string,
  ) {}

  /** The queue of that key; read from the store where it is news here. */
  async byKey(key: number): Promise<QueueRow> {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    await this.refresh();
    const found = this.#byKey.get(key);
    if (found === undefined) throw new RangeError(`no queue has the key ${key}`);
    return found;
  }

  /** Known at once: what `ensure` or `refresh` has seen. */
  peek(spec: QueueSpec): QueueRow | undefined {
    return this.#byName.get(queueName(this.namespace, spec));
  }

  /** The queue's row, made where it is missing; new ones are announced to every worker. */
  async ensure(spec: QueueSpec): Promise<QueueRow> {
    const name = queueName(this.namespace, spec);
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    let pending = this.#pending.get(name);
    if (pending === undefined) {
      pending = this.#create(spec).finally(() => this.#pending.delete(name));
      this.#pending.set(name, pending);
    }
    return pending;
  }

  /** Reads the list again. Returns every queue of the namespace. */
  async refresh(): Promise<QueueRow[]> {
    const rows = await this.store.queues();
    for (const row of rows) this.#remember(row);
    return rows;
  }

  async #create(spec: QueueSpec): Promise<QueueRow> {
    const [row] = await this.store.ensureQueues([spec]);
    if (row === undefined) throw new RangeError('the store answered without the queue');
    this.#remember(row);
    this.transport.announce({ kind: 'queue.added', name: row.name });
    return row;
  }

  #remember(row: QueueRow): void {
    this.#byKey.set(row.key, row);
    this.#byName.set(row.name, row);
  }
}

/** Which queue an activation of `node` goes to, in a run of this priority. */
export function queueOf(
  run: { readonly workflow: string; readonly hash: string; readonly priority: Priority },
  node: Node,
): QueueSpec {
  const policy = node.kind === 'task' ? node.policy : undefined;
  return {
    workflow: run.workflow,
    hash: run.hash,
    tags: policy?.tags ?? [],
    priority: policy?.priority ?? run.priority,
  };
}
