/** A folder with an embedded Postgres, made once per run: copies of it open in a fraction of the time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { EmbeddedServer } from '../../src/store/pglite/embedded-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    embeddedTemplate: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-template-'));
  const server = await EmbeddedServer.open(folder, (error) => {
    throw error;
  });
  await server.close();
  project.provide('embeddedTemplate', folder);
  return () => rm(folder, { recursive: true, force: true });
}
