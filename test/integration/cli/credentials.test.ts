/** Services that are there, and refuse the password: said in a line, without the password. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { PostgresServer } from '../../support/postgres-server.js';
import { cli } from '../../support/workers.js';

const WRONG = 'wr0ng-s3cret';

let folder: string;
let server: PostgresServer;
let postgres: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-hba-'));
  await chmod(folder, 0o755);
  const hba = join(folder, 'pg_hba.conf');
  await writeFile(hba, 'host all postgres 127.0.0.1/32 trust\nhost all guarded 127.0.0.1/32 scram-sha-256\n');
  server = await PostgresServer.create({ hba_file: hba });
  await server.start();
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  await client.query(`create role guarded superuser login password 'right'`);
  await client.end();
  postgres = server.url().replace('postgres@', `guarded:${WRONG}@`);
}, 60_000);

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const attempts = [
  ['list', []],
  ['list', ['--verbose']],
  ['worker', ['examples/order/workflow.mjs']],
  ['migrate', []],
] as const;

test.each(attempts)('baton %s %j says that Postgres refuses, and not what it refused', async (command, options) => {
  const services = { postgres, rabbitmq: inject('amqpUrl'), namespace: 'refused' };
  const { code, stdout, stderr } = await cli(services, [command, ...options]);
  expect(code).toBe(3);
  expect(stdout + stderr).toContain('password authentication failed');
  expect(stdout + stderr).not.toContain(WRONG);
  if (!options.includes('--verbose' as never)) expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('a connection without the password that is asked for is refused in the same way', async () => {
  const services = { postgres: postgres.replace(`:${WRONG}`, ''), rabbitmq: inject('amqpUrl'), namespace: 'refused' };
  const { code, stderr } = await cli(services, ['list']);
  expect([code, stderr]).toEqual([3, expect.stringMatching(/^baton: no connection to Postgres at [^\n]*\n$/)]);
});

test.each([[[]], [['--verbose']]])('RabbitMQ that refuses is named, and not the password %j', async (options) => {
  const rabbitmq = Object.assign(new URL(inject('amqpUrl')), { password: WRONG }).href;
  const { code, stdout, stderr } = await cli({ postgres: server.url(), rabbitmq, namespace: 'refused' }, [
    'list',
    ...options,
  ]);
  expect(code).toBe(3);
  expect(stderr).toContain('no connection to RabbitMQ');
  expect(stderr).toContain('ACCESS_REFUSED');
  expect(stdout + stderr).not.toContain(WRONG);
  if (options.length === 0) expect(stderr.trim().split('\n')).toHaveLength(1);
});
