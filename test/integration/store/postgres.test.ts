import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { PostgresStore } from '../../../src/store/postgres/store.js';
import { PostgresHarness } from '../../support/postgres-harness.js';
import { storeContract } from '../../support/store-contract.js';

const base = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const name = `store_contract_${randomUUID().slice(0, 8)}`;
const url = Object.assign(new URL(base), { pathname: `/${name}` }).href;

async function admin(text: string) {
  const client = new pg.Client({ connectionString: base });
  await client.connect();
  await client.query(text);
  await client.end();
}

beforeAll(async () => {
  await admin(`create database ${name}`);
  const store = await PostgresStore.connect({ postgres: url, namespace: 'x' });
  await store.migrate();
  await store.close();
  await PostgresHarness.prepare(url);
});
afterAll(() => admin(`drop database ${name} with (force)`));

storeContract('the store on Postgres', async () => new PostgresHarness(url));
