/** The store on Postgres: a table of contents of the verbs beside it. */

import { RunNotFoundError } from '../../core/errors.js';
import type { Tx } from '../../core/flow.js';
import type { ActivationRef, QueueSpec, RunKey, SerializedError, SessionKey } from '../../core/model.js';
import type {
  BackOff,
  Completion,
  ControlResult,
  DefinitionRow,
  Expansion,
  Failure,
  Heartbeat,
  LeaseRef,
  LeaseRequest,
  ListQuery,
  LookRequest,
  SessionOptions,
  SignalRequest,
  StartRequest,
  Store,
  StoreState,
} from '../store.js';
import { claim, tell } from './claim.js';
import { commit, recorded } from './commit.js';
import { Database } from './database.js';
import { definition, ensureQueues, putDefinition, queues } from './definitions.js';
import { judge, look, restamp, sweep } from './duties.js';
import { expand } from './elements.js';
import { cancel, fail, poison } from './end-run.js';
import { lease } from './lease.js';
import { migrate } from './migrate.js';
import { NetworkServer, type PostgresConfig } from './network-server.js';
import { pause, resume } from './pause.js';
import { activations, findRun, gather, listRuns, outputs, runInput, runs } from './read.js';
import { retry } from './retry.js';
import type { Server } from './server.js';
import { heartbeat, openSession } from './sessions.js';
import { backOff, handBack } from './settle.js';
import { signal } from './signal.js';
import { start, startIn } from './start.js';
import { TaskTransactions } from './task-transaction.js';
import { fireTimers } from './timers.js';
import { loads, sessions } from './watch.js';

export interface PostgresStoreOptions {
  /** A server, a connection string, a pg PoolConfig, or a pg.Pool, whose settings are used (not its connections). */
  readonly postgres: Server | PostgresConfig;
  /** Separates the rows of one deployment from another's. */
  readonly namespace: string;
  /** Told of connections that broke while idle, and of tries to get a session's connection back. */
  readonly onError?: (error: Error) => void;
}

export class PostgresStore implements Store {
  readonly #database: Database;
  readonly #namespace: string;
  readonly #onError: (error: Error) => void;
  readonly #transactions: TaskTransactions;

  constructor(options: PostgresStoreOptions) {
    this.#onError = options.onError ?? (() => {});
    const { postgres } = options;
    this.#database = new Database(isServer(postgres) ? postgres : new NetworkServer(postgres, this.#onError));
    this.#namespace = options.namespace;
    this.#transactions = new TaskTransactions(this.#database.server, options.namespace);
  }

  /** A store whose server answers. Rejects with a ConnectionError when it doesn't. */
  static async connect(options: PostgresStoreOptions): Promise<PostgresStore> {
    const store = new PostgresStore(options);
    try {
      await store.ping();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  get state(): StoreState {
    return this.#database.reachability.state;
  }

  onState(listener: (state: StoreState) => void): () => void {
    return this.#database.reachability.onState(listener);
  }

  async migrate(): Promise<void> {
    await migrate(this.#database);
  }

  async ping(): Promise<void> {
    await this.#database.query('shared', { text: 'select 1' });
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  putDefinition = (row: DefinitionRow) => putDefinition(this.#database, this.#namespace, row);
  definition = (workflow: string, hash?: string) => definition(this.#database, this.#namespace, workflow, hash);
  ensureQueues = (specs: readonly QueueSpec[]) => ensureQueues(this.#database, this.#namespace, specs);
  queues = () => queues(this.#database, this.#namespace);

  start = (requests: readonly StartRequest[]) => start(this.#database, this.#namespace, requests);

  startIn = (tx: Tx, requests: readonly StartRequest[]) => startIn(tx, this.#namespace, requests);

  openSession = (options: SessionOptions) => openSession(this.#database, this.#namespace, options, this.#onError);
  heartbeat = (session: SessionKey, beat: Heartbeat) => heartbeat(this.#database, session, beat);

  lease = (session: SessionKey, requests: readonly LeaseRequest[]) => lease(this.#database, session, requests);
  commit = (session: SessionKey, completions: readonly Completion[], options?: { readonly repeat?: boolean }) =>
    commit(this.#database, this.#namespace, session, completions, options?.repeat ?? false);
  expand = (session: SessionKey, expansion: Expansion) => expand(this.#database, this.#namespace, session, expansion);
  get transactions() {
    return this.#database.server.direct === undefined ? 'exclusive' : 'concurrent';
  }
  beginTask = (signal: AbortSignal) => this.#transactions.begin(signal);
  recorded = (session: SessionKey, completion: Completion) => recorded(this.#database, session, completion);
  backOff = (session: SessionKey, requests: readonly BackOff[]) =>
    backOff(this.#database, this.#namespace, session, requests);
  fail = (session: SessionKey, failure: Failure) => fail(this.#database, session, failure);
  handBack = (session: SessionKey, leases: readonly LeaseRef[]) => handBack(this.#database, session, leases);

  look = (session: SessionKey | undefined, request: LookRequest) =>
    look(this.#database, this.#namespace, session, request);
  judge = (_session: SessionKey, suspects: readonly SessionKey[]) => judge(this.#database, suspects);
  sweep = (session: SessionKey, options: { readonly limit: number; readonly poisonAt: number }) =>
    sweep(this.#database, this.#namespace, session, options);
  poison = (
    _session: SessionKey,
    activation: ActivationRef,
    failure: { readonly error: SerializedError; readonly task: string },
  ) => poison(this.#database, activation, failure);
  fireTimers = (session: SessionKey, limit: number) => fireTimers(this.#database, this.#namespace, session, limit);
  claim = (session: SessionKey, limit: number) => claim(this.#database, this.#namespace, session, limit);
  restamp = (session: SessionKey, owed: LookRequest['owed'], limit: number) =>
    restamp(this.#database, session, owed, limit);

  findRun = (id: string) => findRun(this.#database, this.#namespace, id);
  runs = (keys: readonly RunKey[]) => runs(this.#database, keys);
  listRuns = (query: ListQuery) => listRuns(this.#database, this.#namespace, query);
  activations = (run: RunKey, options?: { readonly open?: boolean }) =>
    activations(this.#database, run, options?.open ?? false);

  sessions = () => sessions(this.#database, this.#namespace);
  loads = () => loads(this.#database, this.#namespace);

  runInput = (run: RunKey) => runInput(this.#database, run);
  outputs = (refs: readonly ActivationRef[]) => outputs(this.#database, refs);
  gather = (join: ActivationRef) => gather(this.#database, join);

  signal = async (request: SignalRequest) => known(request.run, await signal(this.#database, request));
  cancel = async (run: RunKey, options: { readonly reason?: string; readonly by?: string }) =>
    known<ControlResult>(run, await cancel(this.#database, run, options));
  pause = async (run: RunKey, options: { readonly reason?: string; readonly by?: string }) =>
    known<ControlResult>(run, await pause(this.#database, run, options));
  resume = async (run: RunKey) => known<ControlResult>(run, await resume(this.#database, run));
  retry = async (run: RunKey, token: string) => known<ControlResult>(run, await retry(this.#database, run, token));
  tell = (run: RunKey) => tell(this.#database, this.#namespace, run);
}

function isServer(postgres: Server | PostgresConfig): postgres is Server {
  return typeof postgres === 'object' && 'ageOf' in postgres;
}

function known<T>(run: RunKey, result: T | undefined): T {
  if (result === undefined) throw new RunNotFoundError(run);
  return result;
}
