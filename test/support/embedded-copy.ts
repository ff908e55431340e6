/** A test file's own embedded Postgres: a copy of the run's template. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { EmbeddedServer } from '../../src/store/pglite/embedded-server.js';

const TABLES = `select string_agg(format('baton.%I', tablename), ', ') as tables from pg_tables
  where schemaname = 'baton' and tablename <> 'migrations'`;

export interface EmbeddedCopy {
  readonly server: EmbeddedServer;
  /** Forgets everything. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export async function openCopy(): Promise<EmbeddedCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-embedded-'));
  await cp(inject('embeddedTemplate'), folder, { recursive: true });
  const server = await EmbeddedServer.open(folder, (error) => {
    throw error;
  });
  const { rows } = await server.pool().query<{ tables: string }>(TABLES);
  return {
    server,
    empty: async () => {
      await server.pool().query(`truncate ${rows[0]?.tables} restart identity cascade`);
    },
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
