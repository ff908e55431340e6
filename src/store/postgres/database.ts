/**
 * The store's connections. Statements that workers send all the time have a connection of their own each, so that
 * one is in flight per kind and none waits behind another; everything else shares a small pool. Connections are
 * made when first used: a process that only starts runs opens just the pool.
 */
import pg from 'pg';
import { ConnectionError } from '../../core/errors.js';
import { redact } from '../../core/serialize-error.js';
import { StoreRejectedError } from '../store.js';

/** A connection string, pg's own pool, whose settings are used, or pg's PoolConfig. */
export type PostgresConfig = string | pg.Pool | pg.PoolConfig;

/** What runs a statement: a pool, or the connection that a transaction is on. */
export interface Sql {
  query<R extends pg.QueryResultRow>(statement: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}

/**
 * - `lease`: commits without waiting for the disk; a lease that is lost with the server is repeated
 * - `commit`: what must be on disk before it is acknowledged
 * - `duty`: looks, sweeps, timers, heartbeats
 * - `shared`: clients, reads
 */
export type Lane = 'lease' | 'commit' | 'duty' | 'shared';

// The hot tables grow from empty: a plan made on empty tables would be a sequential scan, for ever.
const HOT = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off';
// A process that froze or vanished in the middle of a transaction keeps its locks, and everybody who needs one waits:
// after this many ms without its next statement the server ends it.
const PATIENCE = '-c idle_in_transaction_session_timeout=5000';
const LANES: Record<Lane, { max: number; options: string }> = {
  lease: { max: 1, options: `${HOT} -c synchronous_commit=off` },
  commit: { max: 1, options: `${HOT} ${PATIENCE}` },
  duty: { max: 1, options: `${HOT} ${PATIENCE}` },
  shared: { max: 4, options: `${HOT} ${PATIENCE}` },
};

/** A statement that Postgres gave up to break a deadlock or a serialization failure: send it again. */
const REPEATABLE = new Set(['40001', '40P01']);
const REPEATS = 10;

export class Database {
  readonly #lanes = new Map<Lane, pg.Pool>();
  readonly #connectedAt = new WeakMap<object, number>();
  #closed = false;
  readonly config: pg.PoolConfig;
  readonly target: string;

  constructor(
    config: PostgresConfig,
    private readonly onIdleError: (error: Error) => void,
  ) {
    this.config = poolConfig(config);
    this.target = describeTarget(this.config);
  }

  /** Runs one statement; a repeatable failure is repeated. */
  async query<R extends pg.QueryResultRow>(lane: Lane, statement: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    return this.#repeating(() => this.#lane(lane).query<R>(statement));
  }

  /** Runs `work` in a transaction; a repeatable failure repeats all of it. */
  async transaction<T>(lane: Lane, work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#repeating(async () => {
      const client = await this.#lane(lane).connect();
      let broken: Error | undefined;
      try {
        await client.query('begin');
        const result = await work(client);
        const { command } = await client.query('commit');
        // After an error that somebody swallowed, COMMIT resolves and says ROLLBACK.
        if (command !== 'COMMIT') throw new StoreRejectedError('the transaction was rolled back');
        return result;
      } catch (error) {
        // Nothing is said to a connection that doesn't answer: its end is the transaction's too.
        if (isConnectionFailure(error, codeOf(error))) broken = error as Error;
        else
          await client.query('rollback').catch((rollbackError: Error) => {
            broken = rollbackError;
          });
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  /** A statement on a lane, and how long its connection has been up, in ms. */
  async queryWithAge<R extends pg.QueryResultRow>(
    lane: Lane,
    statement: pg.QueryConfig,
  ): Promise<{ rows: R[]; ageMs: number }> {
    return this.#repeating(async () => {
      const client = await this.#lane(lane).connect();
      let broken: Error | undefined;
      try {
        const { rows } = await client.query<R>(statement);
        return { rows, ageMs: Date.now() - (this.#connectedAt.get(client) ?? Date.now()) };
      } catch (error) {
        broken = error as Error;
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#lanes.values()];
    this.#lanes.clear();
    await Promise.all(pools.map((pool) => pool.end()));
  }

  #lane(lane: Lane): pg.Pool {
    const existing = this.#lanes.get(lane);
    if (existing !== undefined) return existing;
    if (this.#closed) throw new Error('this store was closed');
    const { max, options } = LANES[lane];
    const pool = new pg.Pool({
      ...this.config,
      max,
      idleTimeoutMillis: lane === 'shared' ? 10_000 : 0,
      options: [this.config.options, options].filter(Boolean).join(' '),
      application_name: this.config.application_name ?? `baton ${lane}`,
    });
    pool.on('error', (error) => this.onIdleError(this.#translate(withoutClient(error)) as Error));
    pool.on('connect', (client) => {
      this.#connectedAt.set(client, Date.now());
      // The pool listens to idle clients only. One that breaks in use says so to whoever sent, or sends next.
      client.on('error', () => {});
    });
    this.#lanes.set(lane, pool);
    return pool;
  }

  async #repeating<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (attempt < REPEATS && REPEATABLE.has(codeOf(error))) continue;
        throw this.#translate(error);
      }
    }
  }

  #translate(error: unknown): unknown {
    const code = codeOf(error);
    if (/^(22|23)/.test(code)) return new StoreRejectedError((error as Error).message, { cause: error });
    if (isConnectionFailure(error, code)) return new ConnectionError('Postgres', this.target, { cause: error });
    return error;
  }
}

/** The settings of a connection: a string, a config, or those of the user's pool. */
function poolConfig(config: PostgresConfig): pg.PoolConfig {
  const base: pg.PoolConfig =
    typeof config === 'string'
      ? { connectionString: config }
      : 'options' in config && 'connect' in config
        ? { ...config.options }
        : config;
  return { keepAlive: true, connectionTimeoutMillis: 5_000, query_timeout: 60_000, ...base };
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

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

// Class 08: connection exceptions; 25P03: idle for too long within a transaction; 28: refused log-in; 3D000: no such
// database; 57P: the server goes down or is starting; 53300: too many connections. The rest never reached a server, or lost it on the way.
function isConnectionFailure(error: unknown, code: string): boolean {
  if (/^(08|25P03|28|3D|57P|53300)/.test(code)) return true;
  if (/^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/.test(code)) return true;
  return error instanceof Error && /connection|timeout|password/i.test(error.message) && code === '';
}
