/**
 * What everything on one connection shares: the store, the transport, and what this process knows of queues and
 * definitions. Once closed, it says so to whoever still uses it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Codec } from '../core/codec.js';
import { BatonError, ConfigError } from '../core/errors.js';
import type { Tx } from '../core/flow.js';
import type { Logger } from '../core/logger.js';
import type { ActivationRef, ReadyActivation } from '../core/model.js';
import type { ProcessInspection } from '../inspect/inspection.js';
import { Batch } from '../runtime/batch.js';
import { mirror } from '../runtime/connection-actor.js';
import { insideTransaction } from '../runtime/context.js';
import { Dispatcher } from '../runtime/dispatch.js';
import { limits } from '../runtime/limits.js';
import { QueueDirectory } from '../runtime/queues.js';
import type { ValueReader } from '../runtime/values.js';
import type { Store } from '../store/store.js';
import type { Transport } from '../transport/transport.js';
import { Definitions } from './definitions.js';
import { Results } from './results.js';

/** The connection was closed before this call, or while it waited. Connect again. */
export class ClosedError extends BatonError {
  constructor() {
    super('CLOSED', 'this connection to Baton was closed; call connect() again');
  }
}

export interface Services {
  readonly store: Store;
  readonly transport: Transport;
  readonly namespace: string;
  readonly codec: Codec;
  readonly logger: Logger;
  /** What store and transport are, for the inspector. @default Postgres and RabbitMQ */
  readonly clients?: readonly [store: string, transport: string];
  readonly inspection?: ProcessInspection | undefined;
}

export class Connection {
  readonly namespace: string;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly inspection: ProcessInspection | undefined;
  readonly queues: QueueDirectory;
  readonly dispatcher: Dispatcher;
  readonly definitions: Definitions;
  /** Puts values together from what is stored. */
  readonly reader: ValueReader;
  readonly results: Results;
  readonly #store: Store;
  readonly #transport: Transport;
  #closing: Promise<void> | undefined;

  constructor({ store, transport, namespace, codec, logger, inspection, clients }: Services) {
    this.#store = store;
    this.#transport = transport;
    this.namespace = namespace;
    this.codec = codec;
    this.logger = logger;
    this.inspection = inspection;
    inspection?.join(transport);
    const [storeName, transportName] = clients ?? ['Postgres', 'RabbitMQ'];
    mirror(storeName, store, inspection);
    mirror(transportName, transport, inspection);
    this.queues = new QueueDirectory(store, transport, namespace);
    this.dispatcher = new Dispatcher(store, this.queues, transport, logger);
    this.definitions = new Definitions(store);
    this.reader = { store, codec, outputs: new Batch((refs: ActivationRef[]) => store.outputs(refs)) };
    this.results = new Results(this);
  }

  /** Throws a ClosedError once `close()` was called, and a ConfigError where it would wait for itself. */
  get store(): Store {
    this.assertOpen();
    return this.#store;
  }

  get transport(): Transport {
    if (this.#closing !== undefined) throw new ClosedError();
    return this.#transport;
  }

  /** The store, for what goes through an open transaction of the caller's. */
  within(tx: Tx): Pick<Store, 'startIn'> {
    this.assertOpen(tx);
    return this.#store;
  }

  /** Throws where a workflow's first start, which stores more than the run, would wait for the transaction it is in. */
  assertFree(workflow: string): void {
    if (this.#store.transactions === 'exclusive' && insideTransaction())
      throw new ConfigError(
        `the embedded Postgres has one session, and this task's transaction holds it: give workflow ${workflow} to the worker as well, or start it once before`,
      );
  }

  /** @param tx the open transaction that the request goes through */
  assertOpen(tx?: Tx): void {
    if (this.#closing !== undefined) throw new ClosedError();
    if (tx === undefined && this.#store.transactions === 'exclusive' && insideTransaction())
      throw new ConfigError(
        "the embedded Postgres has one session, and this task's transaction holds it: use its `tx` (start(…, { tx })), or do it in a task without a transaction",
      );
  }

  /** Publishes what a request made ready; waits a moment for the broker to confirm it, since the stored rows are enough. */
  async dispatch(ready: readonly ReadyActivation[]): Promise<void> {
    if (ready.length === 0) return;
    const moment = sleep(limits.clientConfirmMs, undefined, { ref: false });
    await Promise.race([this.dispatcher.dispatch(ready), moment]);
  }

  /** Waiting results reject with a ClosedError. Calling it again returns the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.results.close(new ClosedError());
    this.inspection?.leave();
    // The broker first: what it still confirms may be written down.
    const closed = [
      ...(await Promise.allSettled([this.#transport.close()])),
      ...(await Promise.allSettled([this.#store.close()])),
    ];
    await this.inspection?.close();
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
