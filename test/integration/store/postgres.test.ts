import { afterAll, beforeAll } from 'vitest';
import { createDatabase, PostgresHarness, type TestDatabase } from '../../support/postgres-harness.js';
import { storeContract } from '../../support/store-contract.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

storeContract('the store on Postgres', async () => new PostgresHarness(database.url));
