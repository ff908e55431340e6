import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import { openEmbedded } from '../../../src/client/embedded.js';
import { storedIn } from '../../support/rules-contract/stored-text.js';
import { rulesContract } from '../../support/rules-contract.js';
import { silent } from '../../support/silent.js';

rulesContract('runs on Postgres in this process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'baton-embedded-'));
  await cp(inject('embeddedTemplate'), folder, { recursive: true });
  const { server } = await openEmbedded(folder, (error) => {
    throw error;
  });
  return {
    connect: (options) => connect({ embedded: folder, logger: silent, ...options }),
    stored: () => storedIn(server.pool('shared')),
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
