/** What a test file of worker processes runs on, and takes away again when its tests are over. */
import { afterAll, beforeAll, inject } from 'vitest';
import { deleteQueues, uniqueName } from '../../src/testing/services/own-namespace.js';
import { createDatabase, type TestDatabase } from './database.js';
import type { Services } from './workers.js';

/** A database and a namespace of the test file's own. Its `postgres` is there from the file's own `beforeAll` on. */
export function ownServices(name: string): Services {
  const services = { postgres: '', rabbitmq: inject('amqpUrl'), namespace: uniqueName(name) };
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
    services.postgres = database.url;
  });
  afterAll(async () => {
    await deleteQueues(services.rabbitmq, services.namespace, services.postgres);
    await database.drop();
  });
  return services;
}
