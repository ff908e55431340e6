import { afterAll, beforeAll } from 'vitest';
import type { TestDatabase } from '../../support/database.js';
import { createMortalDatabase, PostgresHarness } from '../../support/postgres-harness.js';
import { storeContract } from '../../support/store-contract.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createMortalDatabase();
});
afterAll(() => database.drop());

storeContract('the store on Postgres', async () => new PostgresHarness(database.url));
