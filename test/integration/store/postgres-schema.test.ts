import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { ConnectionError } from '../../../src/core/errors.js';
import { PostgresStore } from '../../../src/store/postgres/store.js';
import { createDatabase } from '../../support/database.js';

async function emptyDatabase() {
  const database = await createDatabase({ migrated: false });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await database.drop();
  });
  const open = async () => {
    const store = await PostgresStore.connect({ postgres: database.url, namespace: 'schema' });
    onTestFinished(() => store.close());
    return store;
  };
  return { client, open };
}

test('processes that migrate an empty database at once run each migration once', async () => {
  const { client, open } = await emptyDatabase();
  const stores = await Promise.all(Array.from({ length: 5 }, open));
  await Promise.all(stores.map((store) => store.migrate()));
  const { rows } = await client.query('select name from baton.migrations order by name');
  const names = rows.map((row: { name: string }) => row.name);
  expect(names[0]).toBe('001_schema.sql');
  expect(new Set(names).size).toBe(names.length);
  expect(await stores[0]?.queues()).toEqual([]);
});

test('a migration that fails leaves nothing behind, and the next try starts over', async () => {
  const { client, open } = await emptyDatabase();
  const store = await open();
  // Somebody else's table stands where the schema wants its own.
  await client.query('create schema baton; create table baton.signals (mine int)');
  await expect(store.migrate()).rejects.toThrow(/signals/);
  const { rows } = await client.query(`select table_name from information_schema.tables where table_schema = 'baton'`);
  expect(rows).toEqual([{ table_name: 'signals' }]);
  await client.query('drop table baton.signals');
  await store.migrate();
  expect(await store.queues()).toEqual([]);
});

test('a server that does not answer is a ConnectionError, without the password', async () => {
  const connecting = PostgresStore.connect({ postgres: 'postgres://me:secret@127.0.0.1:1/none', namespace: 'schema' });
  await expect(connecting).rejects.toThrow(ConnectionError);
  await expect(connecting).rejects.not.toThrow(/secret/);
});
