import pg from 'pg';
import { afterEach, expect, inject, test } from 'vitest';
import { createDatabase, dropLeftovers, type TestDatabase } from '../../support/database.js';

const made: TestDatabase[] = [];

afterEach(async () => {
  for (const database of made.splice(0)) await database.drop();
});

async function create(...options: Parameters<typeof createDatabase>): Promise<TestDatabase> {
  const database = await createDatabase(...options);
  made.push(database);
  return database;
}

async function query<T extends object>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

const nameOf = (database: TestDatabase): string => new URL(database.url).pathname.slice(1);
const names = async (): Promise<string[]> =>
  (await query<{ datname: string }>(inject('databaseUrl'), 'select datname from pg_database')).map(
    (row) => row.datname,
  );

test('databases made at the same time are migrated, and nobody else’s', async () => {
  const [first, second] = await Promise.all([create(), create(), create()]);
  const INSERT = `insert into baton.definitions values ('n', 'w', 'h', '{}')`;
  await query(first.url, INSERT);
  expect(await query(first.url, 'select workflow from baton.definitions')).toEqual([{ workflow: 'w' }]);
  expect(await query(second.url, 'select workflow from baton.definitions')).toEqual([]);
});

test('a database that is not migrated is empty', async () => {
  const database = await create({ migrated: false });
  expect(await query(database.url, `select to_regnamespace('baton') as schema`)).toEqual([{ schema: null }]);
});

test('dropping a database needs nobody to have left it', async () => {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  const ended = new Promise((resolve) => client.once('end', resolve));
  await client.connect();
  await database.drop();
  await ended;
  expect(errors[0]).toMatchObject({ message: expect.stringContaining('terminating connection') });
  expect(await names()).not.toContain(nameOf(database));
});

test('what a crashed run left behind goes after an hour, unless it is in use', async () => {
  const server = inject('databaseUrl');
  const hourAgo = Date.now() - 3_600_000;
  const leftover = `baton_test_${hourAgo - 60_000}_${'0'.repeat(8)}`;
  const used = `baton_test_${hourAgo - 60_000}_${'1'.repeat(8)}`;
  const recent = `baton_test_${hourAgo + 60_000}_${'2'.repeat(8)}`;
  for (const name of [leftover, used, recent]) await query(server, `create database ${name}`);
  const user = new pg.Client({ connectionString: Object.assign(new URL(server), { pathname: `/${used}` }).href });
  await user.connect();
  try {
    const dropped = await dropLeftovers(server);
    expect(dropped).toContain(leftover);
    const left = await names();
    expect(left).not.toContain(leftover);
    expect(left).toEqual(expect.arrayContaining([used, recent]));
  } finally {
    await user.end();
    for (const name of [leftover, used, recent]) await query(server, `drop database if exists ${name} with (force)`);
  }
});
