import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, services } from '../../../src/client/connect.js';
import { ConfigError, ConnectionError, RunNotFoundError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';

describe('where the services are', () => {
  test('the options go before the environment', () => {
    const env = { DATABASE_URL: 'postgres://env/db', AMQP_URL: 'amqp://env' };
    expect(services({ postgres: 'postgres://own/db', rabbitmq: 'amqp://own' }, env)).toEqual({
      postgres: 'postgres://own/db',
      rabbitmq: 'amqp://own',
    });
    expect(services({}, env)).toEqual({ postgres: 'postgres://env/db', rabbitmq: 'amqp://env' });
  });

  test("without DATABASE_URL any of pg's own variables is enough, and pg reads them itself", () => {
    expect(services({ rabbitmq: 'amqp://own' }, { PGHOST: 'db' }).postgres).toEqual({});
    expect(services({ rabbitmq: 'amqp://own' }, { PGDATABASE: 'db' }).postgres).toEqual({});
  });

  test('RABBITMQ_URL stands in for AMQP_URL', () => {
    const env = { DATABASE_URL: 'postgres://env/db', RABBITMQ_URL: 'amqp://second' };
    expect(services({}, env).rabbitmq).toBe('amqp://second');
    expect(services({}, { ...env, AMQP_URL: 'amqp://first' }).rabbitmq).toBe('amqp://first');
  });

  test('where nothing says it, the error names the option and the variables of what is missing', () => {
    expect(() => services({}, {})).toThrow(ConfigError);
    expect(() => services({}, {})).toThrow(/Postgres.*`postgres`.*DATABASE_URL.*RabbitMQ.*`rabbitmq`.*AMQP_URL/);
    expect(() => services({ postgres: 'postgres://own/db' }, {})).toThrow(/^nothing says where to find RabbitMQ/);
    expect(() => services({ rabbitmq: 'amqp://own' }, { DATABASE_URL: '' })).toThrow(
      /^nothing says where to find Postgres/,
    );
  });
});

describe('connecting', () => {
  const unreachable = { postgres: 'postgres://user:secret@127.0.0.1:1/db', rabbitmq: 'amqp://user:secret@127.0.0.1:1' };

  test('an option that there is not is refused by name', async () => {
    await expect(connect({ ...unreachable, embeded: true } as ConnectOptions)).rejects.toThrow(
      /connect\(\) has no option "embeded"/,
    );
  });

  test.each(['', 'a b', 'x'.repeat(65), 'a/b'])('the namespace %j is refused', async (namespace) => {
    await expect(connect({ ...unreachable, namespace })).rejects.toThrow(ConfigError);
  });

  test('a ConnectionError names both services that are away, and no password', async () => {
    const error: unknown = await connect(unreachable).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionError);
    expect((error as Error).message).toMatch(/Postgres.*RabbitMQ/);
    expect((error as Error).message).not.toContain('secret');
  });
});

describe('embedded', () => {
  test('is instead of services, which cannot be named as well', async () => {
    const options = { embedded: 'memory', postgres: 'postgres://me:secret@127.0.0.1/db' };
    await expect(connect(options)).rejects.toThrow(/`embedded` is instead of services/);
  });

  test.each([5, {}, ['memory']])('is true, a folder or in memory, and not %j', async (embedded) => {
    await expect(connect({ embedded } as never)).rejects.toThrow(ConfigError);
  });

  test('in memory each connection has its own; in a folder they share it, and the last one closes it', async () => {
    const nap = flow<number>('nap').delay('nap', '1h').build();
    const folder = await mkdtemp(join(tmpdir(), 'baton-embedded-'));
    const [one, other, apart] = await Promise.all([
      connect({ embedded: folder }),
      connect({ embedded: folder }),
      connect({ embedded: 'memory' }),
    ]);
    await one.start(nap, 1, { id: 'nap' });
    await one.close();
    expect(await other.run('nap').status()).toMatchObject({ status: 'waiting' });
    await expect(apart.run('nap').status()).rejects.toThrow(RunNotFoundError);
    expect((await other.health()).status).toBe('ok');
    await Promise.all([other.close(), apart.close()]);
    const later = await connect({ embedded: folder });
    expect(await later.run('nap').status()).toMatchObject({ status: 'waiting' });
    await later.close();
    await rm(folder, { recursive: true });
  }, 60_000);

  test('where nothing is named, the error says that it is possible', () => {
    expect(() => services({}, {})).toThrow(/connect\(\{ embedded: true \}\)/);
  });
});

describe('when one of the services is away', () => {
  let server: Server;
  let sockets = 0;
  beforeEach(async () => {
    // Takes connections and never says a word of any protocol that Baton speaks.
    server = createServer((socket) => {
      sockets++;
      socket.on('close', () => sockets--);
      socket.on('error', () => {});
      socket.resume();
      socket.on('data', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  test('nothing stays open', async () => {
    const { port } = server.address() as { port: number };
    await expect(
      connect({ postgres: `postgres://127.0.0.1:${port}/db`, rabbitmq: `amqp://127.0.0.1:${port}` }),
    ).rejects.toThrow(ConnectionError);
    await expect.poll(() => sockets).toBe(0);
  });
});
