import { afterAll, beforeAll } from 'vitest';
import { EmbeddedServer } from '../../../src/store/pglite/embedded-server.js';
import { EmbeddedHarness } from '../../support/embedded-harness.js';
import { storeContract } from '../../support/store-contract.js';

let server: EmbeddedServer;
beforeAll(async () => {
  server = await EmbeddedServer.open(undefined, (error) => {
    throw error;
  });
}, 60_000);
afterAll(() => server.close());

storeContract('the store on Postgres in this process', async () => new EmbeddedHarness(server));
