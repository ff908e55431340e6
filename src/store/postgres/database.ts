/** How the store's statements and transactions are run on the connections of a server. */
import type pg from 'pg';
import { ConnectionError } from '../../core/errors.js';
import { StoreRejectedError } from '../store.js';
import { codeOf, connectionFailure } from './failures.js';
import { Reachability } from './reachability.js';
import type { Lane, Server } from './server.js';

/** What runs a statement: a pool, or the connection that a transaction is on. */
export interface Sql {
  query<R extends pg.QueryResultRow>(statement: pg.QueryConfig): Promise<pg.QueryResult<R>>;
}

/** A statement that Postgres gave up to break a deadlock or a serialization failure: send it again. */
export const GAVE_UP: ReadonlySet<string> = new Set(['40001', '40P01']);
const REPEATS = 10;

export class Database {
  readonly reachability = new Reachability();

  constructor(readonly server: Server) {}

  /** Runs one statement; a repeatable failure is repeated. */
  async query<R extends pg.QueryResultRow>(lane: Lane, statement: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    return this.#repeating(() => this.server.pool(lane).query<R>(statement));
  }

  /** Runs `work` in a transaction; a repeatable failure repeats all of it. */
  async transaction<T>(lane: Lane, work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#repeating(async () => {
      const client = await this.server.pool(lane).connect();
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
        if (connectionFailure(error)) broken = error as Error;
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
      const client = await this.server.pool(lane).connect();
      let broken: Error | undefined;
      try {
        const { rows } = await client.query<R>(statement);
        return { rows, ageMs: this.server.ageOf(client) };
      } catch (error) {
        broken = error as Error;
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  async close(): Promise<void> {
    await this.server.close();
    this.reachability.become('closed');
  }

  async #repeating<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await work();
        this.reachability.become('up');
        return result;
      } catch (error) {
        if (attempt < REPEATS && GAVE_UP.has(codeOf(error))) continue;
        throw this.#translate(error);
      }
    }
  }

  #translate(error: unknown): unknown {
    if (/^(22|23)/.test(codeOf(error))) return new StoreRejectedError((error as Error).message, { cause: error });
    if (!connectionFailure(error)) return error;
    this.reachability.become('down');
    return new ConnectionError('Postgres', this.server.target, { cause: error });
  }
}
