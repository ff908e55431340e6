/** The two services that Baton runs on, for `find-service.ts`. Testcontainers is loaded where a container is needed. */
import { connect as connectBroker } from 'amqplib';
import pg from 'pg';
import { ConfigError } from '../../core/errors.js';
import type { Service, ServiceKind } from './find-service.js';

/** Pinned: tests run on the same today and tomorrow. BATON_POSTGRES_IMAGE and BATON_RABBITMQ_IMAGE name others. */
const POSTGRES_IMAGE = 'postgres:15.14';
const RABBITMQ_IMAGE = 'rabbitmq:3.13.7-management';

const PING_TIMEOUT_MS = 3_000;
const STARTUP_TIMEOUT_MS = 120_000;

export const POSTGRES: ServiceKind = {
  name: 'Postgres',
  variables: ['DATABASE_URL'],
  local: 'postgres://postgres@127.0.0.1:5432/postgres',
  async ping(url) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PING_TIMEOUT_MS });
    // One that breaks later says so to nobody.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('select 1');
    } finally {
      await client.end();
    }
  },
  async startContainer() {
    const { PostgreSqlContainer } = await testcontainers(
      () => import('@testcontainers/postgresql'),
      '@testcontainers/postgresql',
    );
    const image = process.env.BATON_POSTGRES_IMAGE || POSTGRES_IMAGE;
    const container = await new PostgreSqlContainer(image).withStartupTimeout(STARTUP_TIMEOUT_MS).start();
    return started(image, container, container.getConnectionUri());
  },
};

export const RABBITMQ: ServiceKind = {
  name: 'RabbitMQ',
  variables: ['AMQP_URL', 'RABBITMQ_URL'],
  local: 'amqp://guest:guest@127.0.0.1:5672',
  async ping(url) {
    await (await connectBroker(url, { timeout: PING_TIMEOUT_MS })).close();
  },
  async startContainer() {
    const { RabbitMQContainer } = await testcontainers(
      () => import('@testcontainers/rabbitmq'),
      '@testcontainers/rabbitmq',
    );
    const image = process.env.BATON_RABBITMQ_IMAGE || RABBITMQ_IMAGE;
    const container = await new RabbitMQContainer(image).withStartupTimeout(STARTUP_TIMEOUT_MS).start();
    const url = Object.assign(new URL(container.getAmqpUrl()), { username: 'guest', password: 'guest' }).href;
    return started(image, container, url);
  },
};

interface Container {
  getId(): string;
  stop(): Promise<unknown>;
}

function started(image: string, container: Container, url: string): Service {
  return {
    url,
    container: `${image}, container ${container.getId()}`,
    stop: async () => void (await container.stop()),
  };
}

async function testcontainers<T>(load: () => Promise<T>, name: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new ConfigError(`${name} can't be loaded: npm install --save-dev ${name}`, { cause });
  }
}
