/**
 * Numbered migrations, all missing ones in one transaction under an advisory lock: any number of processes may start
 * at once, and a failing migration leaves nothing behind.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { Database, Sql } from './database.js';

const DIRECTORY = new URL('./migrations/', import.meta.url);
// 'baton' as a number: whoever migrates holds this lock.
const LOCK = 0x6261746f;

/** Brings the schema up to date. Returns the names of the migrations that it ran. */
export async function migrate(database: Database): Promise<string[]> {
  const files = (await readdir(DIRECTORY)).filter((name) => /^\d{3}_.*\.sql$/.test(name)).sort();
  return database.transaction('shared', async (sql) => {
    await sql.query({ text: 'select pg_advisory_xact_lock($1)', values: [LOCK] });
    const done = await applied(sql);
    const missing = files.filter((name) => !done.has(name));
    for (const name of missing) {
      await sql.query({ text: await readFile(new URL(name, DIRECTORY), 'utf8') });
      await sql.query({ text: 'insert into baton.migrations (name) values ($1)', values: [name] });
    }
    return missing;
  });
}

async function applied(sql: Sql): Promise<Set<string>> {
  const { rows: found } = await sql.query<{ exists: boolean }>({
    text: `select to_regclass('baton.migrations') is not null as exists`,
  });
  if (!found[0]?.exists) {
    await sql.query({ text: 'create schema if not exists baton' });
    await sql.query({
      text: 'create table baton.migrations (name text primary key, ran_at timestamptz not null default clock_timestamp())',
    });
  }
  const { rows } = await sql.query<{ name: string }>({ text: 'select name from baton.migrations' });
  return new Set(rows.map((row) => row.name));
}
