/** `test` over a database of the test file's own: every test has a world in a namespace of its own. */
import { afterAll, test as base, beforeAll } from 'vitest';
import type { TestDatabase } from './database.js';
import { createMortalDatabase, PostgresHarness } from './postgres-harness.js';
import { World } from './store-contract/world.js';

export function postgresWorlds() {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createMortalDatabase();
  });
  afterAll(() => database.drop());
  const test = base.extend<{ world: World }>({
    // biome-ignore lint/correctness/noEmptyPattern: what a fixture needs is read off its pattern
    world: async ({}, use) => {
      const world = await World.open(async () => new PostgresHarness(database.url));
      await use(world);
      await world.close();
    },
  });
  return { test, url: () => database.url };
}
