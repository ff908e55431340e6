import pg from 'pg';
import { inject } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { createDatabase } from '../../support/database.js';
import { transactionContract } from '../../support/transaction-contract.js';

transactionContract('tasks with transactions on Postgres and RabbitMQ', async () => {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const [namespace, rabbitmq] = [uniqueName('transactions'), inject('amqpUrl')];
  return {
    exclusive: false,
    baton: () => connect({ postgres: database.url, rabbitmq, namespace }),
    query: async <R>(text: string, values?: unknown[]) => (await pool.query(text, values)).rows as R[],
    close: async () => {
      await deleteQueues(rabbitmq, namespace, database.url);
      await pool.end();
      await database.drop();
    },
  };
});
