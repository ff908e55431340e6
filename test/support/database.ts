/** A database of a test file's own, cloned from a template that was migrated once per state of the migrations. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { inject } from 'vitest';
import { PostgresStore } from '../../src/store/postgres/store.js';

export interface TestDatabase {
  readonly url: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

export interface CreateDatabaseOptions {
  /** False: an empty database. True when left out. */
  readonly migrated?: boolean;
  /** Where: the server that the test run uses when left out. */
  readonly server?: string;
}

/** A crashed run's databases are left alone for so long, for nobody can tell them from a running one's. */
const LEFTOVER_AFTER_MS = 3_600_000;

// Whoever makes a template holds this lock of the server's maintenance database.
const TEMPLATE_LOCK = 0x7465_6d70;

export async function createDatabase(options: CreateDatabaseOptions = {}): Promise<TestDatabase> {
  const { migrated = true, server = inject('databaseUrl') } = options;
  const name = `baton_test_${Date.now()}_${randomBytes(4).toString('hex')}`;
  await onServer(server, async (client) => {
    const source = migrated ? await template(client, server) : 'template0';
    await client.query(`create database ${name} template ${source}`);
  });
  const drop = async () => {
    await onServer(server, (client) => client.query(`drop database if exists ${name} with (force)`));
  };
  return { url: urlOf(server, name), drop };
}

/** Drops databases that crashed test runs left behind, unless somebody is connected. Answers with their names. */
export async function dropLeftovers(server: string): Promise<string[]> {
  return onServer(server, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `select datname from pg_database d where datname ~ '^baton_test_[0-9]{13}_[0-9a-f]{8}$'
         and not exists (select from pg_stat_activity a where a.datid = d.oid)`,
    );
    const names = rows.map((row) => row.datname).filter(isLeftover);
    for (const name of names) await client.query(`drop database if exists ${name}`);
    return names;
  });
}

function isLeftover(name: string): boolean {
  return Date.now() - Number(name.split('_')[2]) > LEFTOVER_AFTER_MS;
}

/** The template for the migrations as they are now, made if it isn't there. */
async function template(client: pg.Client, server: string): Promise<string> {
  const name = `baton_template_${await migrationsHash()}`;
  await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await makeTemplate(client, server, name);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
  return name;
}

/** Under a name of its own until it is complete, so that a crash leaves no half-migrated template. */
async function makeTemplate(client: pg.Client, server: string, name: string): Promise<void> {
  const unfinished = `${name}_unfinished`;
  await client.query(`drop database if exists ${unfinished} with (force)`);
  await client.query(`create database ${unfinished} template template0`);
  const store = await PostgresStore.connect({ postgres: urlOf(server, unfinished), namespace: 'template' });
  try {
    await store.migrate();
  } finally {
    await store.close();
  }
  await client.query(`alter database ${unfinished} rename to ${name}`);
}

async function migrationsHash(): Promise<string> {
  const folder = new URL('../../src/store/postgres/', import.meta.url);
  const sql = (await readdir(new URL('migrations/', folder))).filter((name) => name.endsWith('.sql')).sort();
  const hash = createHash('sha256');
  for (const file of ['migrate.ts', ...sql.map((name) => `migrations/${name}`)]) {
    hash
      .update(`${file}\0`)
      .update(await readFile(new URL(file, folder)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

function urlOf(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).href;
}

async function onServer<T>(server: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
