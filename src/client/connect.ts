/** Connects to Postgres and RabbitMQ, both or neither; or opens what stands in for them in this process. */
import { pino } from 'pino';
import { type Codec, jsonCodec } from '../core/codec.js';
import { ConfigError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { ProcessInspection } from '../inspect/inspection.js';
import type { Inspector } from '../inspect/inspector.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import type { PostgresConfig } from '../store/postgres/network-server.js';
import { PostgresStore } from '../store/postgres/store.js';
import type { Store } from '../store/store.js';
import type { RabbitMqAddress } from '../transport/connection-options.js';
import { InProcessTransport } from '../transport/in-process-transport.js';
import { RabbitMqTransport } from '../transport/rabbitmq.js';
import type { Transport } from '../transport/transport.js';
import { Baton } from './baton.js';
import { Connection } from './connection.js';
import { type EmbeddedPlace, openEmbedded } from './embedded.js';

/** Where the services are, and what all processes of a deployment agree on. */
export interface ConnectOptions {
  /**
   * A connection string, a pg PoolConfig, or a pg.Pool, whose settings are used: connections are Baton's own.
   * @default the environment's DATABASE_URL, else its PGHOST, PGDATABASE …
   */
  readonly postgres?: PostgresConfig | undefined;
  /** A URL or amqplib's connection options. @default the environment's AMQP_URL, else its RABBITMQ_URL */
  readonly rabbitmq?: RabbitMqAddress | undefined;
  /**
   * No services: Postgres inside this process (PGlite, which you install beside) in the folder `.baton` (true), in
   * that folder, or in memory ('memory'), and queues in this process. For trying things out, examples and small
   * single-process use: one process at a time can have a folder open, and what is in it survives that process, also
   * when it is killed. Not together with `postgres` or `rabbitmq`.
   */
  readonly embedded?: EmbeddedPlace | undefined;
  /** Separates queues and rows of one deployment from another's: 1–64 of A-Z a-z 0-9 _ -. @default 'default' */
  readonly namespace?: string | undefined;
  /** Turns inputs, outputs and signals into bytes; all processes of a namespace use the same. @default jsonCodec */
  readonly codec?: Codec | undefined;
  /** A pino logger. @default warnings and errors, as JSON on stderr */
  readonly logger?: Logger | undefined;
  /** Brings the database's schema up to date; safe when many processes do so at once. @default true */
  readonly migrate?: boolean | undefined;
  /**
   * Shows the actors of this process (workers, breakers, connections) and its deliveries, live: to your inspector, or,
   * with `true`, to Stately's, on the loopback interface, at the address that the log tells (takes @statelyai/inspect and
   * ws, which you install beside). With either, the HTTP server of a worker has a page of our own at `/inspect`, which
   * shows every inspected process of the namespace. Whoever reaches that port sees it. @default false
   */
  readonly inspect?: boolean | Inspector | undefined;
}

const KEYS = ['postgres', 'rabbitmq', 'embedded', 'namespace', 'codec', 'logger', 'migrate', 'inspect'];

/**
 * Rejects with a ConfigError when neither services nor `embedded` are named, or an option isn't one; with a
 * ConnectionError when a service doesn't answer within 10 s; with a FolderInUseError when another process has the
 * embedded folder open. Then nothing stays open.
 */
export async function connect(options: ConnectOptions = {}): Promise<Baton> {
  refuseUnknown(options, KEYS, 'connect()');
  const { namespace = 'default', codec = jsonCodec, logger = defaultLogger() } = options;
  checkNamespace(namespace);
  const onError = (err: Error) => logger.warn({ err }, 'trouble with Postgres');
  const inspection = options.inspect ? await ProcessInspection.open(options.inspect, namespace, logger) : undefined;
  try {
    const opened = await (options.embedded
      ? embedded(options, options.embedded, namespace, onError)
      : onServices(options, namespace, logger, onError));
    return new Baton(new Connection({ ...opened, namespace, codec, logger, inspection }));
  } catch (error) {
    await inspection?.close();
    throw error;
  }
}

interface Opened {
  readonly store: Store;
  readonly transport: Transport;
  readonly clients: readonly [store: string, transport: string];
}

async function onServices(
  options: ConnectOptions,
  namespace: string,
  logger: Logger,
  onError: (error: Error) => void,
): Promise<Opened> {
  const { postgres, rabbitmq } = services(options, process.env);
  const [store, transport] = await both(
    openStore({ postgres, namespace, onError }, options.migrate ?? true),
    RabbitMqTransport.connect({ url: rabbitmq, namespace, logger }),
  );
  return { store, transport, clients: ['Postgres', 'RabbitMQ'] };
}

async function embedded(
  { postgres, rabbitmq }: ConnectOptions,
  place: EmbeddedPlace,
  namespace: string,
  onError: (error: Error) => void,
): Promise<Opened> {
  if (postgres || rabbitmq)
    throw new ConfigError('`embedded` is instead of services: leave it out, or leave out `postgres` and `rabbitmq`');
  if (place !== true && typeof place !== 'string')
    throw new ConfigError(`embedded is true, 'memory' or a folder, not ${JSON.stringify(place)}`);
  const { server, broker } = await openEmbedded(place, onError);
  return {
    store: new PostgresStore({ postgres: server, namespace, onError }),
    transport: new InProcessTransport(broker, namespace),
    clients: ['Postgres, embedded', 'queues, in this process'],
  };
}

/** Where the services are: as the options say, else as the environment does. */
export function services(
  options: Pick<ConnectOptions, 'postgres' | 'rabbitmq'>,
  env: NodeJS.ProcessEnv,
): { readonly postgres: PostgresConfig; readonly rabbitmq: RabbitMqAddress } {
  const postgres = postgresOf(options, env);
  const rabbitmq = options.rabbitmq || env.AMQP_URL || env.RABBITMQ_URL;
  if (postgres && rabbitmq) return { postgres, rabbitmq };
  throw new ConfigError(
    `nothing says where to find ${[...(postgres ? [] : [NO_POSTGRES]), ...(rabbitmq ? [] : [NO_RABBITMQ])].join('; nor ')}; ${NO_SERVICES}`,
  );
}

/** Throws a ConfigError where nothing says it. */
export function postgresService(options: Pick<ConnectOptions, 'postgres'>, env: NodeJS.ProcessEnv): PostgresConfig {
  const postgres = postgresOf(options, env);
  if (postgres === undefined) throw new ConfigError(`nothing says where to find ${NO_POSTGRES}`);
  return postgres;
}

const NO_POSTGRES = 'Postgres: pass `postgres`, or set DATABASE_URL (or PGHOST, PGDATABASE …) in the environment';
const NO_RABBITMQ = 'RabbitMQ: pass `rabbitmq`, or set AMQP_URL (or RABBITMQ_URL) in the environment';
const NO_SERVICES = 'or do without services, for a start: connect({ embedded: true }), --embedded on the command line';

function postgresOf(
  { postgres }: Pick<ConnectOptions, 'postgres'>,
  env: NodeJS.ProcessEnv,
): PostgresConfig | undefined {
  // An empty config is completed by pg itself, from the environment.
  return postgres || env.DATABASE_URL || (env.PGHOST || env.PGDATABASE ? {} : undefined);
}

async function openStore(
  options: Parameters<typeof PostgresStore.connect>[0],
  migrate: boolean,
): Promise<PostgresStore> {
  const store = await PostgresStore.connect(options);
  try {
    if (migrate) await store.migrate();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Both connections; where one fails, the other is closed again. */
async function both<A extends Closable, B extends Closable>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([one, other]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  if (a.status === 'fulfilled') await a.value.close();
  if (b.status === 'fulfilled') await b.value.close();
  const reasons = [a, b].flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  const [first, second] = reasons;
  if (second === undefined || first === undefined) throw first;
  throw Object.assign(first, { message: `${first.message}; and ${second.message}` });
}

interface Closable {
  close(): Promise<void>;
}

function checkNamespace(namespace: string): void {
  if (typeof namespace === 'string' && /^[\w-]{1,64}$/.test(namespace)) return;
  throw new ConfigError(`a namespace is 1 to 64 of A-Z a-z 0-9 _ -, not ${JSON.stringify(namespace)}`);
}

function defaultLogger(): Logger {
  return pino({ name: 'baton', level: 'warn' }, pino.destination({ dest: 2, sync: true }));
}
