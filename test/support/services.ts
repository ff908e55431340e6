/**
 * Finds the services that integration tests run on, before any of them: what DATABASE_URL and AMQP_URL name, else
 * what answers on the default local ports, else containers. Without any, the tests are skipped loudly; in CI the run
 * fails instead.
 */
import { connect as connectBroker } from 'amqplib';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { dropLeftovers } from './database.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's maintenance database, as a superuser. */
    databaseUrl: string;
    amqpUrl: string;
    /** Why there are no services: nothing can run then. Empty when there are. */
    servicesMissing: string;
  }
}

export interface Service {
  readonly url: string;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/** One kind of service, and how to come by it. */
export interface ServiceKind {
  readonly name: string;
  /** The environment variable that names one. */
  readonly variable: string;
  /** Where one is by default. */
  readonly local: string;
  /** Resolves if there is one at the URL. */
  ping(url: string): Promise<void>;
  startContainer(): Promise<Service>;
}

const PING_TIMEOUT_MS = 3_000;

const POSTGRES: ServiceKind = {
  name: 'Postgres',
  variable: 'DATABASE_URL',
  local: 'postgres://postgres@127.0.0.1:5432/postgres',
  async ping(url) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PING_TIMEOUT_MS });
    try {
      await client.connect();
      await client.query('select 1');
    } finally {
      await client.end();
    }
  },
  async startContainer() {
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const container = await new PostgreSqlContainer(process.env.BATON_POSTGRES_IMAGE ?? 'postgres:15').start();
    return { url: container.getConnectionUri(), stop: async () => void (await container.stop()) };
  },
};

const RABBITMQ: ServiceKind = {
  name: 'RabbitMQ',
  variable: 'AMQP_URL',
  local: 'amqp://guest:guest@127.0.0.1:5672',
  async ping(url) {
    await (await connectBroker(url, { timeout: PING_TIMEOUT_MS })).close();
  },
  async startContainer() {
    const { RabbitMQContainer } = await import('@testcontainers/rabbitmq');
    const image = process.env.BATON_RABBITMQ_IMAGE ?? 'rabbitmq:3.13-management';
    const container = await new RabbitMQContainer(image).withStartupTimeout(120_000).start();
    return { url: withGuest(container.getAmqpUrl()), stop: async () => void (await container.stop()) };
  },
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found: Service[] = [];
  const stop = async () => {
    await Promise.all(found.map((service) => service.stop()));
  };
  try {
    for (const kind of [POSTGRES, RABBITMQ]) found.push(await findService(kind, process.env));
  } catch (error) {
    await stop();
    if (process.env.CI || !(error instanceof NoServiceError)) throw error;
    console.error(`\n${'!'.repeat(100)}\nINTEGRATION TESTS ARE SKIPPED: ${error.message}\n${'!'.repeat(100)}\n`);
    project.provide('servicesMissing', error.message);
    return async () => {};
  }
  const [postgres, rabbitmq] = found as [Service, Service];
  await dropLeftovers(postgres.url);
  project.provide('databaseUrl', postgres.url);
  project.provide('amqpUrl', rabbitmq.url);
  project.provide('servicesMissing', '');
  return stop;
}

/** None of the ways led to a service. */
export class NoServiceError extends Error {
  override readonly name = 'NoServiceError';
}

/** A service that was named must answer: another in its place would hide the mistake. */
export async function findService(kind: ServiceKind, env: NodeJS.ProcessEnv): Promise<Service> {
  const named = env[kind.variable];
  if (named) {
    await kind.ping(named).catch((cause) => {
      throw new Error(`${kind.name} doesn't answer at ${kind.variable}: start it, or unset the variable`, { cause });
    });
    return { url: named, stop: async () => {} };
  }
  const refused = await kind.ping(kind.local).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refused === undefined) return { url: kind.local, stop: async () => {} };
  try {
    return await kind.startContainer();
  } catch (cause) {
    throw new NoServiceError(
      `no ${kind.name}: set ${kind.variable}, start one on its default port, or start Docker (${reason(refused)}; ${reason(cause)})`,
      { cause: new AggregateError([refused, cause]) },
    );
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withGuest(url: string): string {
  return Object.assign(new URL(url), { username: 'guest', password: 'guest' }).href;
}
