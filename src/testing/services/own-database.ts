/** A database of a test's own on a server, with Baton's schema in it. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { PostgresStore } from '../../store/postgres/store.js';

export interface OwnDatabase {
  readonly url: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** @param server URL of any database on it, as somebody who may create databases */
export async function createOwnDatabase(server: string): Promise<OwnDatabase> {
  const name = `baton_own_${Date.now()}_${randomBytes(4).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const drop = () => onServer(server, `drop database if exists ${name} with (force)`);
  try {
    const store = await PostgresStore.connect({ postgres: url, namespace: 'default' });
    await store.migrate().finally(() => store.close());
  } catch (error) {
    await drop();
    throw error;
  }
  return { url, drop };
}

async function onServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
