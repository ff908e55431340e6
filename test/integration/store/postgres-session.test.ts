/** The session's own connection: what its loss means, and what it doesn't. */
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { postgresWorlds } from '../../support/postgres-world.js';

const { test, url } = postgresWorlds();
let admin: pg.Client;
beforeAll(async () => {
  admin = new pg.Client({ connectionString: url() });
  await admin.connect();
});
afterAll(() => admin.end());

const cut = (name: string) =>
  admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]);
const locks = async () => {
  const held = `select pid from pg_locks where locktype = 'advisory' and objsubid = 2 and granted
    and database = (select oid from pg_database where datname = current_database())`;
  return (await admin.query<{ pid: number }>(held)).rows.map(({ pid }) => pid);
};

test('a session whose connection was cut comes back by itself, holds its lock again, and says so', async ({
  world,
}) => {
  const [worker, judge] = [await world.worker({ ttlMs: 30_000 }), await world.rival()];
  let interruptions = 0;
  const forget = worker.session.onInterrupted(() => interruptions++);
  await world.advance(29_000);
  const before = await locks();
  await cut(`baton session ${worker.key}`);
  await expect.poll(() => interruptions).toBe(1);
  expect(await locks()).toHaveLength(before.length);
  expect(await locks()).not.toEqual(before);
  // Renewed: the time that had nearly run out starts anew.
  await world.advance(20_000);
  expect(await judge.store.look(judge.key, { owed: [] })).toMatchObject({ expired: [], unlocked: [] });
  expect(await judge.store.judge(judge.key, [worker.key])).toEqual([]);
  forget();
  await cut(`baton session ${worker.key}`);
  await expect.poll(async () => (await locks()).length).toBe(before.length);
  expect(interruptions).toBe(1);
  await worker.lease(await world.begin(), '/0');
});

test('a session that comes back renews its time and never shortens it', async ({ world }) => {
  const [worker, judge] = [await world.worker({ ttlMs: 1_000 }), await world.rival()];
  let interruptions = 0;
  worker.session.onInterrupted(() => interruptions++);
  await worker.store.heartbeat(worker.key, { ttlMs: 60_000, held: [], known: [], before: 1 });
  await cut(`baton session ${worker.key}`);
  await expect.poll(() => interruptions).toBe(1);
  await world.advance(30_000);
  expect(await judge.store.look(judge.key, { owed: [] })).toMatchObject({ expired: [] });
});

test('a session that is closed gives its lock back and leaves no connection behind', async ({ world }) => {
  const worker = await world.worker();
  const name = `baton session ${worker.key}`;
  const connections = async () =>
    (
      await admin.query('select 1 from pg_stat_activity where application_name = $1 and datname = current_database()', [
        name,
      ])
    ).rowCount;
  expect(await connections()).toBe(1);
  await worker.session.close();
  await expect.poll(connections).toBe(0);
});

test('whoever has just connected judges nobody yet', async ({ world }) => {
  const fresh = await world.open();
  const mayJudge = async () => (await fresh.look(undefined, { owed: [] })).mayJudge;
  expect(await mayJudge()).toBe(false);
  await expect.poll(mayJudge, { timeout: 10_000, interval: 200 }).toBe(true);
  await cut('baton duty');
  await expect.poll(() => mayJudge().catch(() => 'away')).toBe(false);
});
