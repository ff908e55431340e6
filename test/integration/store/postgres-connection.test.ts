/** Connections that end in the middle of a transaction, and transactions that nobody ends. */
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { ConnectionError } from '../../../src/core/errors.js';
import { Database } from '../../../src/store/postgres/database.js';
import { NetworkServer } from '../../../src/store/postgres/network-server.js';
import { Obstacle } from '../../support/obstacle.js';
import { postgresWorlds } from '../../support/postgres-world.js';

const { test, url } = postgresWorlds();
let admin: pg.Client;
beforeAll(async () => {
  admin = new pg.Client({ connectionString: url() });
  await admin.connect();
});
afterAll(() => admin.end());

const HOLD_RUN = 'select 1 from baton.runs where key = $1 for update';
const CUT_WAITING = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name like 'baton%' and wait_event_type = 'Lock'`;

test('a connection that ends in the middle of a transaction rejects it, and never the process', async ({ world }) => {
  const run = await world.begin();
  const obstacle = await Obstacle.set(url(), HOLD_RUN, [run]);
  const cancelled = world.store.cancel(run, {}).then(
    () => 'cancelled',
    (error: unknown) => error,
  );
  await obstacle.stops(1);
  await admin.query(CUT_WAITING);
  // An `error` event without a listener would be an uncaught exception, which fails the test run.
  expect(await cancelled).toBeInstanceOf(ConnectionError);
  await obstacle.clear();
  expect(await world.store.cancel(run, {})).toMatchObject({ changed: true });
});

test('a store that was closed opens no connection any more', async ({ world }) => {
  const store = await world.harness.open();
  await store.close();
  await expect(store.ping()).rejects.toThrow('closed');
});

test('a host that vanished is noticed by the server, whatever its connection was for; options of the user count', async () => {
  const config = { connectionString: url(), options: '-c tcp_keepalives_count=2' };
  const server = new NetworkServer(config, () => {});
  const session = new pg.Client(server.direct);
  await session.connect();
  const settings = async (client: pg.Pool | pg.Client) =>
    (await client.query(`select name, setting from pg_settings where name like 'tcp_keepalives%' order by 1`)).rows.map(
      ({ setting }) => Number(setting),
    );
  expect(await settings(session)).toEqual([2, 10, 5]);
  for (const lane of ['lease', 'commit', 'duty', 'shared', 'task'] as const)
    expect(await settings(server.pool(lane))).toEqual([2, 10, 5]);
  await session.end();
  await server.close();
});

test('a process that froze in the middle of a transaction holds nobody up for long', async ({ world }) => {
  const run = await world.begin();
  const frozen = new Database(new NetworkServer(url(), () => {}));
  let thaw = () => {};
  const held = new Promise<void>((resolve) => {
    void frozen
      .transaction('shared', async (sql) => {
        await sql.query({ text: HOLD_RUN, values: [run] });
        resolve();
        await new Promise<void>((ready) => {
          thaw = ready;
        });
      })
      .catch(() => {});
  });
  await held;
  const startedAt = performance.now();
  expect(await world.store.cancel(run, {})).toMatchObject({ changed: true });
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  thaw();
  await frozen.close();
});
