/**
 * A task's own transaction: what the task writes through it and the record of its completion are committed together,
 * or neither. The record is fenced like any other: of two workers that run the task, one commits.
 */
import type pg from 'pg';
import { ConnectionError, NonRetryableError, TaskTransactionError } from '../../core/errors.js';
import type { Tx } from '../../core/flow.js';
import type { SessionKey } from '../../core/model.js';
import {
  type CommitResult,
  type Completion,
  SessionDeadError,
  StoreRejectedError,
  type TaskTransaction,
} from '../store.js';
import { commitIn } from './commit.js';
import { GAVE_UP, type Sql } from './database.js';
import { codeOf, connectionFailure } from './failures.js';
import type { Server } from './server.js';
import { Turns } from './turns.js';

const BEGUN = 'select pg_backend_pid() as pid, pg_current_xact_id()::text as id';
// The lane's connections are as the user's own would be; our statement wants what the other lanes have. And whatever the
// task has sent, in a function's body or hidden behind a comment: it is recorded in the transaction that it began in.
const OURS = `
select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
  pg_current_xact_id_if_assigned()::text as id`;
/** Open at once in a process: they must never take the connections away that heartbeats and commits need. */
export const MOST = 10;
/** A connection that doesn't answer to our own statements for this long, in ms, is gone; the task's take what they take. */
const PATIENCE_MS = 60_000;
/** An earlier statement of the transaction failed. */
const ABORTED = '25P02';
/** What would end the transaction, or begin another: after that, nothing holds it and the completion together. */
const ENDING =
  /^\s*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(work\s+|transaction\s+)?to\b))\b/i;

/** Transactions of tasks on one server: as many at once as the lane has connections, the others wait their turn. */
export class TaskTransactions {
  readonly #turns = new Turns(MOST);

  constructor(
    private readonly server: Server,
    private readonly namespace: string,
  ) {}

  /** Undefined: the signal fired before its turn came. */
  async begin(signal: AbortSignal): Promise<TaskTransaction | undefined> {
    const done = await this.#turns.take(signal);
    if (done === undefined) return undefined;
    try {
      return await OpenTransaction.begin(this.server, this.namespace, done);
    } catch (error) {
      done();
      throw connectionFailure(error) ? new ConnectionError('Postgres', this.server.target, { cause: error }) : error;
    }
  }
}

interface Begun {
  readonly pid: number;
  /** Postgres's number of the transaction. */
  readonly id: string;
}

class OpenTransaction implements TaskTransaction {
  readonly tx: Tx;
  #ended = false;
  #broken: Error | undefined;
  /** Statements of the task's that aren't answered yet. */
  #open = 0;

  static async begin(server: Server, namespace: string, done: () => void): Promise<OpenTransaction> {
    const client = await server.pool('task').connect();
    try {
      await client.query('begin');
      const { rows } = await client.query<Begun>(BEGUN);
      return new OpenTransaction(client, server, rows[0] as Begun, namespace, done);
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  private constructor(
    private readonly client: pg.PoolClient,
    private readonly server: Server,
    private readonly begun: Begun,
    private readonly namespace: string,
    private readonly done: () => void,
  ) {
    this.tx = { query: (...given: unknown[]) => this.#query(given) } as Tx;
  }

  /** For the statements that aren't the task's. */
  get #own(): Sql {
    return { query: (statement) => this.client.query({ ...statement, query_timeout: PATIENCE_MS } as pg.QueryConfig) };
  }

  blameless(error: unknown): boolean {
    return this.#broken !== undefined || GAVE_UP.has(codeOf(error));
  }

  async commit(
    session: SessionKey,
    completion: Completion,
  ): Promise<CommitResult | { kind: 'undone'; error: unknown }> {
    this.#ended = true;
    try {
      await this.#still();
      const result = await commitIn(this.#own, this.namespace, session, completion);
      if (result.kind === 'lost') {
        await this.#leave();
        return result;
      }
      await this.#commit();
      this.#release();
      return result;
    } catch (error) {
      if (connectionFailure(error)) this.#broken = error as Error;
      await this.#leave();
      if (error instanceof SessionDeadError || error instanceof TaskTransactionError) throw error;
      if (GAVE_UP.has(codeOf(error))) return { kind: 'undone', error };
      if (codeOf(error) === ABORTED)
        throw new TaskTransactionError('one of its statements failed, and the task went on', { cause: error });
      if (/^(22|23)/.test(codeOf(error))) throw new StoreRejectedError((error as Error).message, { cause: error });
      throw connectionFailure(error) ? new ConnectionError('Postgres', this.server.target, { cause: error }) : error;
    }
  }

  async rollback(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#open > 0) await this.#interrupt();
    await this.#leave();
  }

  async #query(given: unknown[]): Promise<unknown> {
    const [first] = given;
    const text = typeof first === 'string' ? first : (first as { text?: string } | undefined)?.text;
    if (this.#ended)
      throw new NonRetryableError("the task's transaction has ended: await what it does before it returns");
    if (text !== undefined && ENDING.test(text))
      throw new NonRetryableError(
        `the transaction of a task is ended with the task, so it can't run ${JSON.stringify(text.trim().slice(0, 40))}; use savepoints within it`,
      );
    this.#open++;
    try {
      return await (this.client.query as (...args: unknown[]) => Promise<unknown>)(...given);
    } catch (error) {
      if (connectionFailure(error)) this.#broken = error as Error;
      throw error;
    } finally {
      this.#open--;
    }
  }

  /** A task that ended it by some detour has committed, or lost, a part of what it wrote: that must not pass for whole. */
  async #still(): Promise<void> {
    const { rows } = await this.#own.query<{ id: string | null }>({ text: OURS });
    if (rows[0]?.id !== this.begun.id)
      throw new TaskTransactionError('one of its statements ended it; use savepoints within it');
  }

  /** Constraints that were deferred are checked only now: whatever they refuse is the task's doing. */
  async #commit(): Promise<void> {
    try {
      const { command } = await this.#own.query({ text: 'commit' });
      if (command !== 'COMMIT') throw new TaskTransactionError('one of its statements failed, and the task went on');
    } catch (error) {
      if (!/^(22|23|P0)/.test(codeOf(error))) throw error;
      throw new TaskTransactionError((error as Error).message, { cause: error });
    }
  }

  /** Ends it without a commit, on a connection that may be gone. */
  async #leave(): Promise<void> {
    if (this.#open === 0 && this.#broken === undefined) {
      await this.#own.query({ text: 'rollback' }).catch((error: Error) => {
        this.#broken = error;
      });
    }
    this.#release();
  }

  #release(): void {
    // With a statement of the task's still under way, the connection goes, and the transaction with it.
    this.client.release(this.#broken ?? this.#open > 0);
    this.done();
  }

  /** What the task has under way is cancelled, or it would go on holding its locks; nobody waits for it any more. */
  async #interrupt(): Promise<void> {
    if (this.server.direct === undefined) return;
    const cancel = { text: 'select pg_cancel_backend($1)', values: [this.begun.pid] };
    await this.server
      .pool('shared')
      .query(cancel)
      .catch((error: Error) => {
        this.#broken = error;
      });
  }
}
