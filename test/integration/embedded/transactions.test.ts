import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import { PostgresStore } from '../../../src/store/postgres/store.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { openCopy } from '../../support/embedded-copy.js';
import { silent } from '../../support/silent.js';
import { transactionContract } from '../../support/transaction-contract.js';

transactionContract('tasks with transactions on Postgres in this process', async () => {
  const copy = await openCopy();
  const namespace = 'default';
  return {
    exclusive: true,
    baton: async () =>
      new Baton(
        new Connection({
          store: new PostgresStore({ postgres: copy.server.lend(async () => {}), namespace }),
          transport: new InProcessTransport(new InProcessBroker(), namespace),
          namespace,
          codec: jsonCodec,
          logger: silent,
        }),
      ),
    query: async <R>(text: string, values?: unknown[]) => (await copy.server.pool().query(text, values)).rows as R[],
    close: () => copy.close(),
  };
});
