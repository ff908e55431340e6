/**
 * Postgres in this process, in a folder or in memory. It has one session, so all lanes of all its stores share one
 * connection and take turns; nobody else is connected, so a session needs no lock.
 */
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { ConfigError, ConnectionError } from '../../core/errors.js';
import { LISTEN } from '../postgres/claim.js';
import { Database } from '../postgres/database.js';
import { migrate } from '../postgres/migrate.js';
import { reclaim } from '../postgres/reclaim.js';
import type { OnIdleError, Server } from '../postgres/server.js';
import { makeFolder } from './folder.js';
import { lockFolder } from './folder-lock.js';
import { Wire } from './wire.js';

// A connection that broke may have left a transaction open, and the statements that it had prepared. The settings are
// those of the connections to a server, see `../postgres/network-server.ts`.
const PREAMBLE = `rollback; deallocate all; set plan_cache_mode = force_generic_plan; set enable_seqscan = off; ${LISTEN}`;

/** The folder's own part of it, and what says that making it isn't finished. */
const DATA = 'postgres';
const UNFINISHED = 'postgres.unfinished';

export class EmbeddedServer implements Server {
  readonly direct = undefined;
  readonly #pool: pg.Pool;
  readonly #listeners = new Set<(payload: string) => void>();
  #closing: Promise<void> | undefined;

  /**
   * Opens the folder, made where it is missing (`undefined`: in memory), with the schema as it has to be and what an
   * earlier process left behind taken back. Rejects with a ConfigError when PGlite isn't installed or nothing can be
   * kept in the folder, with a FolderInUseError while another process has the folder open, and with a ConnectionError
   * when Postgres can't start.
   */
  static async open(folder: string | undefined, onIdleError: OnIdleError): Promise<EmbeddedServer> {
    const { PGlite } = await loadPglite();
    if (folder !== undefined) await makeFolder(folder);
    const lock = folder === undefined ? undefined : await lockFolder(folder);
    const release = async () => lock?.release();
    let server: EmbeddedServer | undefined;
    try {
      const postgres = await (folder === undefined ? start(PGlite, undefined) : startIn(PGlite, folder));
      server = new EmbeddedServer(postgres, folder ?? 'memory', release, onIdleError);
      const database = new Database(server);
      await migrate(database);
      await reclaim(database);
      return server;
    } catch (error) {
      await (server === undefined ? release() : server.close());
      throw error;
    }
  }

  private constructor(
    private readonly postgres: PGlite,
    readonly target: string,
    private readonly release: () => Promise<void>,
    onIdleError: OnIdleError,
  ) {
    this.#pool = new pg.Pool({ max: 1, idleTimeoutMillis: 0, stream: () => new Wire(postgres, PREAMBLE) });
    this.#pool.on('error', onIdleError);
    this.#pool.on('connect', (client) => {
      client.on('error', () => {});
      client.on('notification', ({ payload = '' }) => {
        for (const listener of this.#listeners) listener(payload);
      });
    });
  }

  pool(): pg.Pool {
    if (this.#closing !== undefined) throw new Error('this store was closed');
    return this.#pool;
  }

  /** For one of several users: closing it is that user's leave, told once. */
  lend(left: () => Promise<void>): Server {
    let closing: Promise<void> | undefined;
    return {
      target: this.target,
      direct: undefined,
      pool: () => {
        if (closing !== undefined) throw new Error('this store was closed');
        return this.pool();
      },
      ageOf: () => this.ageOf(),
      onNotification: (listener) => this.onNotification(listener),
      close: () => (closing ??= left()),
    };
  }

  onNotification(listener: (payload: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As old as it gets: nobody who could need time to come back is connected. */
  ageOf(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#pool.end();
      await this.postgres.close();
    } finally {
      await this.release();
    }
  }
}

type Pglite = typeof import('@electric-sql/pglite');

async function loadPglite(): Promise<Pglite> {
  try {
    return await import('@electric-sql/pglite');
  } catch (cause) {
    throw new ConfigError(`the embedded mode takes PGlite, which can't be loaded: npm install @electric-sql/pglite`, {
      cause,
    });
  }
}

/** What was being made when a process died is made anew: nothing was accepted in it yet. */
async function startIn(PGlite: Pglite['PGlite'], folder: string): Promise<PGlite> {
  const [data, unfinished] = [join(folder, DATA), join(folder, UNFINISHED)];
  if (existsSync(unfinished)) await rm(data, { recursive: true, force: true });
  if (existsSync(data)) return start(PGlite, data);
  await writeFile(unfinished, '');
  const postgres = await start(PGlite, data);
  await rm(unfinished, { force: true });
  return postgres;
}

async function start(PGlite: Pglite['PGlite'], data: string | undefined): Promise<PGlite> {
  try {
    const postgres = new PGlite(data ?? 'memory://');
    await postgres.waitReady;
    return postgres;
  } catch (cause) {
    throw new ConnectionError('embedded Postgres', data ?? 'memory', { cause });
  }
}
