/**
 * What everything on one connection shares: the store, the transport, and what this process knows of queues and
 * definitions. Once closed, it says so to whoever still uses it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Codec } from '../core/codec.js';
import { BatonError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { ActivationRef, ReadyActivation } from '../core/model.js';
import { Batch } from '../runtime/batch.js';
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
}

export class Connection {
  readonly namespace: string;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly queues: QueueDirectory;
  readonly dispatcher: Dispatcher;
  readonly definitions: Definitions;
  /** Puts values together from what is stored. */
  readonly reader: ValueReader;
  readonly results: Results;
  readonly #store: Store;
  readonly #transport: Transport;
  #closing: Promise<void> | undefined;

  constructor({ store, transport, namespace, codec, logger }: Services) {
    this.#store = store;
    this.#transport = transport;
    this.namespace = namespace;
    this.codec = codec;
    this.logger = logger;
    this.queues = new QueueDirectory(store, transport, namespace);
    this.dispatcher = new Dispatcher(this.queues, transport, logger);
    this.definitions = new Definitions(store);
    this.reader = { store, codec, outputs: new Batch((refs: ActivationRef[]) => store.outputs(refs)) };
    this.results = new Results(this);
  }

  /** Throws a ClosedError once `close()` was called. */
  get store(): Store {
    this.assertOpen();
    return this.#store;
  }

  get transport(): Transport {
    this.assertOpen();
    return this.#transport;
  }

  assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError();
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
    const closed = await Promise.allSettled([this.#transport.close(), this.#store.close()]);
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
