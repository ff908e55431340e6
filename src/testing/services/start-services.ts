/** Real services for a test file: found or started, with a database and a namespace that nobody else uses. */
import { refuseUnknown } from '../../runtime/unknown-options.js';
import { findService, type Service, type ServiceKind } from './find-service.js';
import { POSTGRES, RABBITMQ } from './kinds.js';
import { createOwnDatabase } from './own-database.js';
import { deleteQueues, uniqueName } from './own-namespace.js';

export interface ServicesOptions {
  /** How the namespace begins: up to 40 of A-Z a-z 0-9 _ -. @default 'test' */
  readonly name?: string;
}

/** What `connect()` takes, and the way to give it back. */
export interface Services {
  /** URL of a database of your own, with the schema in it. */
  readonly postgres: string;
  /** URL of the broker. */
  readonly rabbitmq: string;
  /** A namespace of your own. */
  readonly namespace: string;
  /** Deletes the queues and the database, and ends containers that nobody else uses. Close connections before. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Looks for Postgres and RabbitMQ: what DATABASE_URL and AMQP_URL (or RABBITMQ_URL) name, else what answers on
 * 127.0.0.1 and the default ports, else containers, by Testcontainers (`npm install --save-dev
 * @testcontainers/postgresql @testcontainers/rabbitmq`), which all calls of a process share. Call it once in a test
 * file; it takes under a second where services run, and 10 to 60 s where containers are to be started: give your
 * `beforeAll` that long.
 *
 * Rejects with a ConnectionError when a service that is named doesn't answer, and with a NoServiceError when there is
 * none and no container can be started.
 *
 * @example
 * const services = await startServices();
 * const baton = await connect(services);
 */
export async function startServices(options: ServicesOptions = {}): Promise<Services> {
  refuseUnknown(options, ['name'], 'startServices()');
  const namespace = uniqueName(options.name ?? 'test');
  const [postgres, rabbitmq] = await bothOf(use(POSTGRES), use(RABBITMQ));
  const leave = async () => void (await Promise.all([postgres.stop(), rabbitmq.stop()]));
  try {
    const database = await createOwnDatabase(postgres.url);
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      try {
        await deleteQueues(rabbitmq.url, namespace, database.url);
        await database.drop();
      } finally {
        await leave();
      }
    };
    const stopOnce = () => (stopping ??= stop());
    const found = { postgres: database.url, rabbitmq: rabbitmq.url, namespace };
    // Not enumerable, for connect() refuses what it doesn't know, and is to take this as it is.
    const end = { value: stopOnce, enumerable: false };
    return Object.defineProperties(found, { stop: end, [Symbol.asyncDispose]: end }) as Services;
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Both, or neither stays. */
async function bothOf(one: Promise<Service>, other: Promise<Service>): Promise<[Service, Service]> {
  const [a, b] = await Promise.allSettled([one, other]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  for (const found of [a, b]) if (found.status === 'fulfilled') await found.value.stop();
  throw a.status === 'rejected' ? a.reason : (b as PromiseRejectedResult).reason;
}

// ----------------------------------------------------------------------- what the calls of this process share

interface Shared {
  readonly service: Promise<Service>;
  users: number;
}

const shared = new Map<ServiceKind, Shared>();

/** Stopping it is this user's leave; the last one's ends it. */
async function use(kind: ServiceKind): Promise<Service> {
  const known = shared.get(kind) ?? { service: findService(kind, process.env), users: 0 };
  shared.set(kind, known);
  known.users++;
  const leave = async () => {
    if (--known.users > 0) return;
    shared.delete(kind);
    await (await known.service).stop();
  };
  try {
    return { ...(await known.service), stop: leave };
  } catch (error) {
    shared.delete(kind);
    throw error;
  }
}
