/**
 * A Postgres server on the network. Statements that workers send all the time have a connection of their own each, so
 * that one is in flight per kind and none waits behind another; everything else shares a small pool. Connections are
 * made when first used: a process that only starts runs opens just the pool.
 */
import pg from 'pg';
import { ConnectionError } from '../../core/errors.js';
import { redact } from '../../core/serialize-error.js';
import { connectionFailure } from './failures.js';
import type { Lane, OnIdleError, Server } from './server.js';
import { MOST } from './task-transaction.js';

/** A connection string, pg's own pool, whose settings are used, or pg's PoolConfig. */
export type PostgresConfig = string | pg.Pool | pg.PoolConfig;

// The hot tables grow from empty, and a plan made on empty tables reads all of them: see `replanAsTablesGrow`.
const HOT = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off';
// A process that froze or vanished in the middle of a transaction keeps its locks, and everybody who needs one waits:
// after this many ms without its next statement the server ends it.
const PATIENCE = '-c idle_in_transaction_session_timeout=5000';
// The kernel's default is two hours, in which a host that vanished would go on holding its locks: a task's on rows of
// its own, too. This notices within 25 s.
const KEEP_ALIVE = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';
const LANES: Record<Lane, { max: number; options: string; query_timeout?: number }> = {
  lease: { max: 1, options: `${HOT} -c synchronous_commit=off` },
  commit: { max: 1, options: `${HOT} ${PATIENCE}` },
  duty: { max: 1, options: `${HOT} ${PATIENCE}` },
  shared: { max: 4, options: `${HOT} ${PATIENCE}` },
  task: { max: MOST, options: '', query_timeout: 0 },
};

export class NetworkServer implements Server {
  readonly target: string;
  readonly direct: pg.PoolConfig;
  readonly #lanes = new Map<Lane, pg.Pool>();
  readonly #connectedAt = new WeakMap<object, number>();
  #closed = false;

  constructor(
    config: PostgresConfig,
    private readonly onIdleError: OnIdleError,
  ) {
    this.direct = poolConfig(config);
    this.target = describeTarget(this.direct);
  }

  pool(lane: Lane): pg.Pool {
    const existing = this.#lanes.get(lane);
    if (existing !== undefined) return existing;
    if (this.#closed) throw new Error('this store was closed');
    const { options, ...own } = LANES[lane];
    const pool = new pg.Pool({
      ...this.direct,
      ...own,
      idleTimeoutMillis: lane === 'shared' || lane === 'task' ? 10_000 : 0,
      options: [this.direct.options, options].filter(Boolean).join(' '),
      application_name: this.direct.application_name ?? `baton ${lane}`,
    });
    pool.on('error', (error) => this.onIdleError(this.#explain(withoutClient(error))));
    pool.on('connect', (client) => {
      this.#connectedAt.set(client, Date.now());
      // The pool listens to idle clients only. One that breaks in use says so to whoever sent, or sends next.
      client.on('error', () => {});
    });
    replanAsTablesGrow(pool);
    this.#lanes.set(lane, pool);
    return pool;
  }

  ageOf(client: object): number {
    return Date.now() - (this.#connectedAt.get(client) ?? Date.now());
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#lanes.values()];
    this.#lanes.clear();
    await Promise.all(pools.map((pool) => pool.end()));
  }

  #explain(error: Error): Error {
    return connectionFailure(error) ? new ConnectionError('Postgres', this.target, { cause: error }) : error;
  }
}

const FIRST_REPLAN = 16;

/**
 * A prepared statement keeps its plan until somebody analyzes its tables, and that may be a minute, in which a new
 * deployment fills them. Plans are made anew when a connection was used 16 times, 64, 256 …: none is much older than
 * the tables that it was made for, and none of that is felt.
 */
function replanAsTablesGrow(pool: pg.Pool): void {
  const used = new WeakMap<pg.PoolClient, { times: number; replanAt: number }>();
  pool.on('acquire', (client) => {
    const { times, replanAt } = used.get(client) ?? { times: 0, replanAt: FIRST_REPLAN };
    const due = times === replanAt;
    used.set(client, { times: times + 1, replanAt: due ? replanAt * 4 : replanAt });
    if (!due) return;
    // It is sent before the statement that the client was acquired for.
    client.query('discard plans').catch(() => {
      // The connection is broken, as whoever has it is about to learn.
    });
  });
}

/** The settings of a connection: a string, a config, or those of the user's pool. */
function poolConfig(config: PostgresConfig): pg.PoolConfig {
  const base: pg.PoolConfig =
    typeof config === 'string'
      ? { connectionString: config }
      : 'options' in config && 'connect' in config
        ? { ...config.options }
        : config;
  const options = [KEEP_ALIVE, base.options].filter(Boolean).join(' ');
  return { keepAlive: true, connectionTimeoutMillis: 5_000, query_timeout: 60_000, ...base, options };
}

function describeTarget(config: pg.PoolConfig): string {
  if (config.connectionString !== undefined) return redact(config.connectionString);
  const host = config.host ?? process.env.PGHOST ?? 'localhost';
  return `${host}:${config.port ?? process.env.PGPORT ?? 5432}/${config.database ?? process.env.PGDATABASE ?? ''}`;
}

/** The pool hangs the whole client on the error, with all that it was ever asked: too much for a log. */
function withoutClient(error: Error & { client?: unknown }): Error {
  delete error.client;
  return error;
}
