/** The contract suite's hold on an embedded Postgres: each harness is a namespace of its own in one that is shared. */
import { randomUUID } from 'node:crypto';
import type { SessionKey } from '../../src/core/model.js';
import type { EmbeddedServer } from '../../src/store/pglite/embedded-server.js';
import { PostgresStore } from '../../src/store/postgres/store.js';
import { PASS } from './postgres-harness.js';
import type { StoreHarness } from './store-contract.js';

// Nobody holds the lock that it is now said to have had: as if its process were gone.
const VANISH = 'update baton.sessions set locked = true where key = $1';

export class EmbeddedHarness implements StoreHarness {
  readonly #namespace = `test-${randomUUID().slice(0, 8)}`;

  constructor(private readonly server: EmbeddedServer) {}

  async open(namespace = ''): Promise<PostgresStore> {
    return PostgresStore.connect({
      postgres: this.server.lend(async () => {}),
      namespace: namespace === '' ? this.#namespace : `${this.#namespace}-${namespace}`,
    });
  }

  async advance(ms: number): Promise<void> {
    for (const text of PASS) await this.server.pool().query(text, [this.#namespace, ms]);
  }

  async abandon(session: SessionKey): Promise<void> {
    await this.server.pool().query(VANISH, [session]);
  }

  async close(): Promise<void> {}
}
