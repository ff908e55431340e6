import pg from 'pg';
import { inject } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { createDatabase } from '../../support/database.js';
import { storedIn } from '../../support/rules-contract/stored-text.js';
import { rulesContract } from '../../support/rules-contract.js';
import { silent } from '../../support/silent.js';

rulesContract('runs on Postgres and RabbitMQ', async () => {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  const [own, rabbitmq] = [uniqueName('rules'), inject('amqpUrl')];
  const namespaces = new Set<string>();
  return {
    connect: ({ namespace, ...options } = {}) => {
      const name = namespace === undefined ? own : `${own}-${namespace}`;
      namespaces.add(name);
      return connect({ postgres: database.url, rabbitmq, namespace: name, logger: silent, migrate: false, ...options });
    },
    stored: () => storedIn(pool),
    close: async () => {
      for (const namespace of namespaces) await deleteQueues(rabbitmq, namespace, database.url);
      await pool.end();
      await database.drop();
    },
  };
});
