/**
 * Batons in this process that share a store and a broker, as processes share a database and RabbitMQ. In the project
 * `embedded` the store is Postgres in this process, in the others it is in memory.
 */
import { afterAll } from 'vitest';
import { Baton } from '../../src/client/baton.js';
import { Connection } from '../../src/client/connection.js';
import { type Codec, jsonCodec } from '../../src/core/codec.js';
import type { ProcessInspection } from '../../src/inspect/inspection.js';
import { MemoryState } from '../../src/store/memory/state.js';
import { MemoryStore } from '../../src/store/memory/store.js';
import { PostgresStore } from '../../src/store/postgres/store.js';
import type { Store } from '../../src/store/store.js';
import { InProcessBroker } from '../../src/transport/in-process.js';
import { InProcessTransport } from '../../src/transport/in-process-transport.js';
import { openCopy } from './embedded-copy.js';
import { silent } from './silent.js';

export interface Memory {
  readonly broker: InProcessBroker;
  readonly store: Store;
  /** What the store keeps, where it is in memory. */
  readonly state: MemoryState;
  /** One more process of the namespace. */
  baton(options?: MemoryOptions): Baton;
  /** Closes every baton that was made. */
  close(): Promise<void>;
}

export interface MemoryOptions {
  readonly namespace?: string;
  readonly codec?: Codec;
  /** Verbs that behave otherwise than the store's own. */
  readonly store?: Partial<Store>;
  readonly inspection?: ProcessInspection;
}

const embedded = process.env.BATON_TEST_STORE === 'embedded' ? await openCopy() : undefined;
if (embedded !== undefined) afterAll(() => embedded.close());

export function inMemory(): Memory {
  const state = new MemoryState();
  const broker = new InProcessBroker();
  const batons: Baton[] = [];
  const storeOf = (namespace: string): Store =>
    embedded === undefined
      ? new MemoryStore(state, { namespace })
      : new PostgresStore({ postgres: embedded.server.lend(async () => {}), namespace });
  return {
    broker,
    store: storeOf('default'),
    state,
    baton({ namespace = 'default', codec = jsonCodec, store = {}, inspection } = {}) {
      const services = { namespace, codec, logger: silent, inspection };
      const connection = new Connection({
        ...services,
        store: Object.assign(storeOf(namespace), store),
        transport: new InProcessTransport(broker, namespace),
      });
      const baton = new Baton(connection);
      batons.push(baton);
      return baton;
    },
    async close() {
      await Promise.all(batons.map((baton) => baton.close()));
      await embedded?.empty();
    },
  };
}
