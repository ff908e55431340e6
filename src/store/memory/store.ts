/**
 * The store in memory: a table of contents of the verbs beside it. Several stores may share one state, like several
 * processes that share a database.
 */
import type { ActivationRef, QueueSpec, RunKey, SerializedError, SessionKey } from '../../core/model.js';
import type {
  BackOff,
  Completion,
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
} from '../store.js';
import { commit } from './commit.js';
import { definition, ensureQueues, putDefinition } from './definitions.js';
import { fireTimers, judge, look, restamp, sweep } from './duties.js';
import { expand } from './elements.js';
import { cancel, fail, poison } from './end-run.js';
import { lease } from './lease.js';
import { pause, resume } from './pause.js';
import { activations, gather, listRuns, outputs, toRunRow } from './read.js';
import { noTransactions } from './refuse.js';
import { retry } from './retry.js';
import { heartbeat, openSession, tell } from './sessions.js';
import { backOff, handBack } from './settle.js';
import { signal } from './signal.js';
import type { Space } from './space.js';
import { start } from './start.js';
import type { MemoryState } from './state.js';
import { loads, sessions } from './watch.js';

export class MemoryStore implements Store {
  readonly #space: Space;

  constructor(state: MemoryState, { namespace }: { readonly namespace: string }) {
    this.#space = state.space(namespace);
  }

  /** Nothing comes between a process and its own memory. */
  readonly state = 'up';
  onState(): () => void {
    return () => {};
  }

  async migrate(): Promise<void> {}
  async ping(): Promise<void> {}
  /** The state stays, for the others that share it. */
  async close(): Promise<void> {}

  putDefinition = async (row: DefinitionRow) => putDefinition(this.#space, row);
  definition = async (workflow: string, hash?: string) => definition(this.#space, workflow, hash);
  ensureQueues = async (specs: readonly QueueSpec[]) => ensureQueues(this.#space, specs);
  queues = async () => [...this.#space.queues.values()];

  start = async (requests: readonly StartRequest[]) => start(this.#space, requests);

  startIn = async () => noTransactions();

  openSession = async (options: SessionOptions) => openSession(this.#space, options);
  heartbeat = async (session: SessionKey, beat: Heartbeat) => heartbeat(this.#space, session, beat);

  lease = async (session: SessionKey, requests: readonly LeaseRequest[]) => lease(this.#space, session, requests);
  commit = async (session: SessionKey, completions: readonly Completion[], options?: { readonly repeat?: boolean }) =>
    commit(this.#space, session, completions, options?.repeat ?? false);
  expand = async (session: SessionKey, expansion: Expansion) => expand(this.#space, session, expansion);
  readonly transactions = 'none';
  beginTask = async () => noTransactions();
  recorded = async () => noTransactions();
  backOff = async (session: SessionKey, requests: readonly BackOff[]) => backOff(this.#space, session, requests);
  fail = async (session: SessionKey, failure: Failure) => fail(this.#space, session, failure);
  handBack = async (session: SessionKey, leases: readonly LeaseRef[]) => handBack(this.#space, session, leases);

  look = async (session: SessionKey | undefined, request: LookRequest) => look(this.#space, session, request);
  judge = async (_session: SessionKey, suspects: readonly SessionKey[]) => judge(this.#space, suspects);
  sweep = async (session: SessionKey, options: { readonly limit: number; readonly poisonAt: number }) =>
    sweep(this.#space, session, options);
  poison = async (
    _session: SessionKey,
    activation: ActivationRef,
    failure: { readonly error: SerializedError; readonly task: string },
  ) => poison(this.#space, activation, failure);
  fireTimers = async (session: SessionKey, limit: number) => fireTimers(this.#space, session, limit);
  claim = async () => ({ ready: [], nextDueAt: undefined });
  restamp = async (session: SessionKey, owed: LookRequest['owed'], limit: number) =>
    restamp(this.#space, session, owed, limit);

  findRun = async (id: string) => {
    const run = this.#space.current.get(id);
    return run && toRunRow(run);
  };
  runs = async (keys: readonly RunKey[]) => keys.flatMap((key) => this.#space.runs.get(key) ?? []).map(toRunRow);
  listRuns = async (query: ListQuery) => listRuns(this.#space, query);
  activations = async (run: RunKey, options?: { readonly open?: boolean }) =>
    activations(this.#space, run, options?.open ?? false);

  sessions = async () => sessions(this.#space);
  loads = async () => loads(this.#space);

  runInput = async (run: RunKey): Promise<Uint8Array> => this.#space.run(run).input.slice();
  outputs = async (refs: readonly ActivationRef[]) => outputs(this.#space, refs);
  gather = async (join: ActivationRef) => gather(this.#space, join);

  signal = async (request: SignalRequest) => signal(this.#space, request);
  cancel = async (run: RunKey, options: { readonly reason?: string; readonly by?: string }) =>
    cancel(this.#space, run, options);
  pause = async (run: RunKey, options: { readonly reason?: string; readonly by?: string }) =>
    pause(this.#space, run, options);
  resume = async (run: RunKey) => resume(this.#space, run);
  retry = async (run: RunKey, token: string) => retry(this.#space, run, token);
  tell = async (run: RunKey) => tell(this.#space, run);
}
