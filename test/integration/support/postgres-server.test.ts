import { existsSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../../support/database.js';
import { PostgresServer } from '../../support/postgres-server.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.create();
  await server.start();
});

afterAll(() => server.close());

async function query(text: string, database?: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('it keeps what was committed through a restart and through a crash, on the same port', async () => {
  const url = server.url();
  await query('create table kept (n int)');
  await query('insert into kept values (1)');
  await server.restart('fast');
  await query('insert into kept values (2)');
  await server.restart('immediate');
  expect(await query('select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }]);
  expect(server.url()).toBe(url);
});

test('while it is stopped nobody answers', async () => {
  await server.stop();
  await expect(query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.start();
  expect(await query('select 1 as n')).toEqual([{ n: 1 }]);
});

test('databases can be made on it as on the shared one', async () => {
  const database = await createDatabase({ server: server.url() });
  const name = new URL(database.url).pathname.slice(1);
  expect(await query('select count(*)::int as n from baton.runs', name)).toEqual([{ n: 0 }]);
  await database.drop();
  await expect(query('select 1', name)).rejects.toThrow(/does not exist/);
});

test('closing it leaves no folder and no listener', async () => {
  const other = await PostgresServer.create();
  await other.start();
  const client = new pg.Client({ connectionString: other.url() });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ data_directory: string }>('show data_directory');
  const folder = rows[0]?.data_directory as string;
  expect(existsSync(folder)).toBe(true);
  await other.close();
  expect(existsSync(folder)).toBe(false);
  await expect(new pg.Client({ connectionString: other.url() }).connect()).rejects.toThrow(/ECONNREFUSED/);
});
