import { connect as connectBroker } from 'amqplib';
import { connect, flow } from 'batonmq';
import { startServices } from 'batonmq/testing';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';

// What the test run itself was given, or found, is named in the environment.
beforeEach(() => {
  vi.stubEnv('BATON_TEST_SERVICES', '');
  vi.stubEnv('DATABASE_URL', inject('databaseUrl'));
  vi.stubEnv('AMQP_URL', inject('amqpUrl'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const plus = flow<number>('plus')
  .then('one', (n) => n + 1)
  .build();

async function databases(): Promise<string[]> {
  const client = new pg.Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>('select datname from pg_database');
  await client.end();
  return rows.map(({ datname }) => datname);
}

async function hasQueue(name: string): Promise<boolean> {
  const connection = await connectBroker(inject('amqpUrl'));
  const channel = await connection.createChannel();
  // The broker closes the channel of whoever asks for a queue that there is not.
  channel.on('error', () => {});
  const found = await channel.checkQueue(name).then(
    () => true,
    () => false,
  );
  await connection.close();
  return found;
}

test('each call has a database and a namespace of its own, and leaves nothing', async () => {
  const [one, other] = await Promise.all([startServices({ name: 'one' }), startServices()]);
  expect(one.postgres).not.toBe(other.postgres);
  expect(one.namespace).toMatch(/^one-/);
  expect(other.namespace).toMatch(/^test-/);

  const baton = await connect(one);
  await baton.worker({ workflows: [plus] }).start();
  expect(await (await baton.start(plus, 1)).result()).toBe(2);
  const queue = `baton.${one.namespace}.plus@${plus.hash.slice(0, 16)}`;
  expect(await hasQueue(queue)).toBe(true);
  await baton.close();

  const own = [one, other].map(({ postgres }) => new URL(postgres).pathname.slice(1));
  expect(await databases()).toEqual(expect.arrayContaining(own));
  await Promise.all([one.stop(), one.stop(), other.stop()]);
  expect((await databases()).filter((name) => own.includes(name))).toEqual([]);
  expect(await hasQueue(queue)).toBe(false);
}, 30_000);

test('a service that is named and does not answer is told in a line, without the password', async () => {
  vi.stubEnv('DATABASE_URL', 'postgres://me:secret@127.0.0.1:1/db');
  const refused = await startServices().catch((error: Error) => error);
  expect(refused).toMatchObject({
    code: 'CONNECTION',
    message: expect.stringMatching(/^no connection to Postgres at .*\(DATABASE_URL\)/),
  });
  expect(String(refused)).not.toContain('secret');
});

test.each([{ name: 'a b' }, { name: 'x'.repeat(60) }, { prefix: 'x' }])(
  'the options %j are refused',
  async (options) => {
    await expect(startServices(options as object)).rejects.toThrow(/valid name|no option "prefix"/);
  },
);
