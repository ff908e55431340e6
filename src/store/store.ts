/**
 * The contract between the runtime and the truth. Implementations: Postgres (`postgres/`) and memory
 * (`memory/`); one contract suite runs over both. A store serves one namespace.
 *
 * Rules that hold for every verb:
 *
 * - A verb is atomic for each of its requests; a batch may be, or may not be, atomic as a whole.
 * - Every write of a worker is fenced by `(session, number)` in the statement itself: a row that was taken away
 *   in the meantime answers `lost`, and nothing changed.
 * - Verbs that create or lease take the caller's session row first and reject with SessionDeadError when it
 *   was judged dead.
 * - "Ready" is reached in one way only: the run's row is locked, then on a running run the row becomes `ready`,
 *   on a paused one `held`, on an ended one nothing happens. Every row made ready is returned exactly once, to
 *   the caller, who owes its message.
 * - A rejection with StoreRejectedError means that the request itself can't be stored and nothing was. Any other
 *   rejection leaves the outcome unknown: repeat it with the same tokens (`repeat: true` where offered).
 * - All instants are the store's clock, in ms since the epoch; durations are ms.
 */
import { BatonError } from '../core/errors.js';
import type { Tx } from '../core/flow.js';
import type {
  ActivationRef,
  ActivationState,
  Json,
  Path,
  Priority,
  QueueRow,
  QueueSpec,
  ReadyActivation,
  RunKey,
  SerializedError,
  SessionKey,
  StoredRunStatus,
} from '../core/model.js';
import type { Arrival } from '../core/recipe.js';

/**
 * The caller's session was judged dead: abort its tasks and open a new one. Tasks see it as the cause of their
 * LeaseLostError: others run them now, and what they return is discarded.
 */
export class SessionDeadError extends BatonError {
  constructor(readonly session: SessionKey) {
    super('SESSION_DEAD', `session ${session} was judged dead; its leases are handed to others`);
  }
}

/** The store refuses the data of this request (Postgres error classes 22 and 23); repeating it can't help. */
export class StoreRejectedError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_REJECTED', message, options);
  }
}

// ---------------------------------------------------------------------------------------------- starting

/** An activation to insert. */
export interface ActivationRow {
  readonly path: Path;
  readonly state: 'ready' | 'delayed' | 'awaiting_signal' | 'joining' | 'queued';
  /** Key of the queue that its message goes to, now or when it wakes. */
  readonly queue: number;
  /** See `encodeRecipe`. */
  readonly source: Path | null;
  readonly recipe: string | null;
  /** Bytes of recipe `own`. */
  readonly input?: Uint8Array;
  /** `joining`: arrivals to wait for. */
  readonly pending?: number;
  /** `delayed`: how long. `awaiting_signal`: its timeout, if any. From the statement's time; never early. */
  readonly dueInMs?: number;
  /** `awaiting_signal`: the signal's name. */
  readonly signal?: string;
  /**
   * Only `ready` ones in a completion: leased at once by the committing session under this number, provided that
   * the run is running (else it becomes `held` like any other).
   */
  readonly leaseNumber?: number;
}

/** What a start does when a current run has its id; see StartOptions. */
export type ConflictPolicy = 'fail' | 'use_existing' | 'terminate_existing';

export interface StartRequest {
  /** The user's id, 1–256 bytes. At most one *current* run of the namespace has it. */
  readonly id: string;
  /** A UUID made by the client: a repeated start with the same token returns the run that it started. */
  readonly token: string;
  readonly workflow: string;
  readonly hash: string;
  readonly input: Uint8Array;
  readonly priority: Priority;
  /** JSON text. */
  readonly metadata: string | null;
  readonly conflict: ConflictPolicy;
  /** Where the end of the run is told; see Transport.reply. */
  readonly replyTo: string | null;
  readonly activations: readonly ActivationRow[];
}

export type StartResult =
  | {
      readonly kind: 'started';
      readonly run: RunKey;
      readonly ready: readonly ReadyActivation[];
      /** `terminate_existing` only: the run that it cancelled, if a live one had the id. */
      readonly terminated?: EndedRun;
    }
  /** Another run has the id: refused (`fail`), or to be used (`use_existing`). */
  | { readonly kind: 'exists'; readonly run: RunKey; readonly workflow: string; readonly status: StoredRunStatus };

/** A run that just ended, and whom to tell. */
export interface EndedRun {
  readonly run: RunKey;
  readonly id: string;
  readonly workflow: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly replyTo: string | null;
}

// ------------------------------------------------------------------------------------------------ leasing

export interface LeaseRequest extends ActivationRef {
  /** The number of the lease token; numbers of a session are never used for two leases. */
  readonly number: number;
}

/** What never changes about a run. */
export interface RunInfo {
  readonly run: RunKey;
  readonly id: string;
  readonly workflow: string;
  readonly hash: string;
  readonly priority: Priority;
  /** JSON text. */
  readonly metadata: string | null;
  readonly replyTo: string | null;
}

export interface LeasedActivation extends ActivationRef {
  readonly number: number;
  readonly info: RunInfo;
  /** From 1; a lost or handed-back lease doesn't count. */
  readonly attempt: number;
  readonly losses: number;
  readonly source: Path | null;
  readonly recipe: string | null;
  /** The bytes of the recipe's sole source or of recipe `own`; undefined where there is none. */
  readonly bytes: Uint8Array | undefined;
  /** Joins and maps: arrivals still missing (0: everything is in); null for a map that hasn't begun. */
  readonly pending: number | null;
  /** Maps that are being expanded: the first element that isn't in yet. */
  readonly cursor: number;
  readonly readyAt: number;
  /** JSON text of what the last attempt's heartbeats said. */
  readonly progress: string | null;
}

/**
 * - `leased`: this session has it under the request's number (also when an earlier, repeated request got it)
 * - `taken`: somebody else's lease (or an earlier number of this session) is on it
 * - `done`: completed
 * - `gone`: parked, held, cancelled, failed or unknown
 */
export type LeaseResult =
  | { readonly kind: 'leased'; readonly activation: LeasedActivation }
  | { readonly kind: 'taken' | 'done' | 'gone' };

// --------------------------------------------------------------------------------------------- committing

export interface LeaseRef extends ActivationRef {
  readonly number: number;
}

export interface Completion extends LeaseRef {
  /** Its own output, encoded; undefined where the value passed through. */
  readonly output?: Uint8Array;
  readonly activate: readonly ActivationRow[];
  readonly arrive?: {
    readonly join: Path;
    readonly slot: number;
    /** JSON of the recipe; null: its own output. */
    readonly result: string | null;
    /** A limited map: one of its queued elements becomes ready for each arrival. */
    readonly release?: { readonly suffix: string };
  };
  /** The run is complete; this is its output (`encodeRecipe`). */
  readonly finish?: { readonly source: Path | null; readonly recipe: string | null };
}

export type CommitResult =
  | {
      readonly kind: 'committed';
      /** What this completion made ready, eagerly leased ones excepted: owed by the caller. */
      readonly ready: readonly ReadyActivation[];
      /** The successor that was leased with it, by its path. */
      readonly leased?: Path;
      /** When that successor became ready, for its context. */
      readonly readyAt?: number;
      readonly ended?: EndedRun;
    }
  | { readonly kind: 'lost' };

/** One chunk of a map that this lease holds. The lease goes on, until the last chunk. */
export interface Expansion extends LeaseRef {
  /** Elements to insert, `ready` or (limited map) `queued`. */
  readonly activate: readonly ActivationRow[];
  /** The cursor that the row must still have: a repeated chunk is recognised by it. */
  readonly from: number;
  readonly next: number;
  readonly total: number;
  /**
   * With the last chunk of a limited map: how many of the queued elements become ready now, and how their paths
   * end behind `path#element`. The row becomes `joining` with every last chunk.
   */
  readonly release?: { readonly running: number; readonly suffix: string };
}

export type ExpandResult =
  | { readonly kind: 'expanded'; readonly ready: readonly ReadyActivation[] }
  | { readonly kind: 'lost' };

export interface BackOff extends LeaseRef {
  readonly error: SerializedError;
  /** What the attempt said last, where no heartbeat has written it yet (JSON text). */
  readonly progress?: string | undefined;
  readonly delayMs: number;
}

export interface Failure extends LeaseRef {
  readonly error: SerializedError;
  /** As of a back-off. */
  readonly progress?: string | undefined;
  /** Name of the failed node, for people. */
  readonly task: string;
  readonly attempt: number;
}

export type FailResult = { readonly kind: 'failed'; readonly ended: EndedRun } | { readonly kind: 'lost' };

// ------------------------------------------------------------------------------------- tasks' transactions

/** A task's own transaction, open. Ends once: committed together with the completion, or rolled back. */
export interface TaskTransaction {
  /** For the task. Refuses statements that would end the transaction, and all of them once it has ended. */
  readonly tx: Tx;
  /** Whether an error of the task's says nothing about it: the connection broke, or Postgres gave up on its behalf. */
  blameless(error: unknown): boolean;
  /**
   * Records the completion in it and commits. `lost`: the fence refused, and what the task wrote is undone; so it is
   * with `undone`, which is nobody's failure (a deadlock, a serialization failure). Rejects with TaskTransactionError
   * where the task did what can't be committed; after any other rejection but that of a dead session or of refused
   * data the outcome is unknown: see `recorded`.
   */
  commit(
    session: SessionKey,
    completion: Completion,
  ): Promise<CommitResult | { readonly kind: 'undone'; readonly error: unknown }>;
  /** Undoes it, also in the middle of a statement. Without effect once it has ended; never rejects. */
  rollback(): Promise<void>;
}

// ----------------------------------------------------------------------------------------------- sessions

export interface SessionOptions {
  readonly workerId: string;
  readonly ttlMs: number;
  readonly host: string;
  readonly pid: number;
}

/** What sessions are told through the store. Whoever misses it learns it from the rows a little later. */
export type Told =
  /** A caller's transaction that started runs was committed: `claim` finds them. */
  | { readonly kind: 'started' }
  /** Control moved the run: whoever holds a lease of it should look. */
  | { readonly kind: 'controlled'; readonly run: RunKey };

export interface StoreSession {
  readonly key: SessionKey;
  /** Whether its death would be seen within a second or so (a lock on a direct connection), or by TTL only. */
  readonly locked: boolean;
  /**
   * Calls back when the session's own connection to the store was lost and is back, its TTL renewed: the worker
   * then repeats the leases it holds, with the same numbers, for an unflushed one may be lost.
   */
  onInterrupted(listener: () => void): () => void;
  onTold(listener: (told: Told) => void): () => void;
  /** Ends the session in good order: no lease may be left. Idempotent. */
  close(): Promise<void>;
}

export interface Heartbeat {
  readonly ttlMs: number;
  /** Leases that the worker runs, with progress where the task gave some since the last heartbeat (JSON text). */
  readonly held: readonly (LeaseRef & { readonly progress?: string })[];
  /** Every number made and not settled, `held` and requests in flight included. */
  readonly known: readonly number[];
  /** The next number when the lists were made: a lease of this session with a smaller number that isn't known is a stray. */
  readonly before: number;
}

export interface HeartbeatResult {
  /** Leases in `held` that aren't ours any more, and why. */
  readonly lost: readonly { readonly number: number; readonly reason: 'cancelled' | 'failed' | 'taken' }[];
  /** Strays that were handed back: owed by the caller. */
  readonly ready: readonly ReadyActivation[];
}

// ------------------------------------------------------------------------------------------------- duties

export interface LookRequest {
  /** Queues that this worker consumes, and the stamp behind which their ready rows count as lost. */
  readonly owed: readonly { readonly queue: number; readonly publishedBefore: number }[];
}

export interface LookResult {
  /** The store's clock. */
  readonly now: number;
  /** Living sessions (not the caller's) whose TTL ran out. */
  readonly expired: readonly SessionKey[];
  /** Living sessions (not the caller's) whose lock nobody holds. Judged after 1 s of it without a break. */
  readonly unlocked: readonly SessionKey[];
  /** Whether the store and the caller's connection to it are old enough (3 s) to judge anybody. */
  readonly mayJudge: boolean;
  /** A dead session may still have rows: call sweep(). */
  readonly sweep: boolean;
  /** The earliest timer; undefined where there is none. */
  readonly nextDueAt: number | undefined;
  /** Queues of the request that have such rows: call restamp(). */
  readonly owed: readonly number[];
  /** The sum of the keys of all queues of the namespace: differs from that of `queues()` when its list is out of date. */
  readonly queues: number;
}

export interface SweepResult {
  readonly ready: readonly ReadyActivation[];
  /** Leases lost once too often: call poison() with each. */
  readonly poisoned: readonly ActivationRef[];
}

// ------------------------------------------------------------------------------------------------- client

export interface RunRow extends RunInfo {
  readonly status: StoredRunStatus;
  /** Of a completed run: the recipe of its output (`decodeRecipe`). */
  readonly output: { readonly source: Path | null; readonly recipe: string | null } | undefined;
  readonly error: SerializedError | undefined;
  readonly failedTask: string | undefined;
  readonly failedAttempt: number | undefined;
  readonly reason: string | undefined;
  readonly by: string | undefined;
  /** False for a run whose id went to a later one. */
  readonly current: boolean;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
}

export interface ActivationView {
  readonly path: Path;
  readonly state: ActivationState;
  readonly attempt: number;
  readonly losses: number;
  readonly worker: string | undefined;
  readonly readyAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly dueAt: number | undefined;
  /** `awaiting_signal`: the name, and when it was parked. */
  readonly signal: string | undefined;
  readonly parkedAt: number | undefined;
  readonly error: SerializedError | undefined;
  readonly progress: Json | undefined;
  readonly queue: number;
  /** Ready: when its message was stamped last, and how often it was replaced since it became ready. */
  readonly publishedAt: number | undefined;
  readonly repeats: number;
}

/** A worker process as the store knows it, until nothing of it is left. */
export interface SessionView {
  readonly key: SessionKey;
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly ttlUntil: number;
  /** `silent`: its TTL ran out; `gone`: nobody holds its lock; `dead`: judged, its leases are being handed back. */
  readonly state: 'alive' | 'silent' | 'gone' | 'dead';
}

/** What a queue's activations are doing. */
export interface QueueLoad {
  readonly queue: number;
  readonly ready: number;
  readonly leased: number;
  /** Since when the one that waits longest is ready. */
  readonly oldestReadyAt: number | undefined;
}

export interface ListQuery {
  readonly workflow?: string;
  readonly status?: StoredRunStatus;
  readonly since?: number;
  readonly until?: number;
  /** Only runs with a smaller key: the next page. Newest first. */
  readonly before?: RunKey;
  readonly limit: number;
}

/** What control answers: `done` (changed or already so), or the status that refuses it. */
export type ControlResult =
  | {
      readonly kind: 'done';
      readonly changed: boolean;
      readonly ready: readonly ReadyActivation[];
      readonly ended?: EndedRun;
      /** `retry`: its earliest timer, which nobody keeps yet. */
      readonly dueInMs?: number;
    }
  | { readonly kind: 'refused'; readonly status: StoredRunStatus };

export interface SignalRequest {
  readonly run: RunKey;
  readonly name: string;
  /** A repeated send with the same id is harmless. */
  readonly id: string | null;
  readonly payload: Uint8Array;
}

export type SignalResult =
  /** `delivered` woke a waiter, `buffered` waits for one, `duplicate`: its id was seen before. */
  | { readonly kind: 'delivered' | 'buffered' | 'duplicate'; readonly ready: readonly ReadyActivation[] }
  | { readonly kind: 'refused'; readonly status: StoredRunStatus };

export interface DefinitionRow {
  readonly workflow: string;
  readonly hash: string;
  /** JSON text of the tree (`core/structure.ts`). */
  readonly structure: string;
}

// ---------------------------------------------------------------------------------------------- the store

/**
 * The store, as this process last saw it: `up` (it answered), `down` (it couldn't be reached), `closed` (by us).
 */
export type StoreState = 'connecting' | 'up' | 'down' | 'closed';

export interface Store {
  readonly state: StoreState;
  /** Calls back on every change of state, until the returned function is called. */
  onState(listener: (state: StoreState) => void): () => void;

  /** Brings the schema up to date; safe when many processes do so at once. Verbs before it may reject. */
  migrate(): Promise<void>;
  /** Rejects with a ConnectionError when the store can't be reached. */
  ping(): Promise<void>;
  close(): Promise<void>;

  /** Remembers a workflow's structure; the newest of a name is what `start` without a module uses. */
  putDefinition(definition: DefinitionRow): Promise<void>;
  /** The newest of that name, or the one with that hash. */
  definition(workflow: string, hash?: string): Promise<DefinitionRow | undefined>;

  /** Rows for these queues, made where missing, in a transaction of their own; in the order asked for. */
  ensureQueues(specs: readonly QueueSpec[]): Promise<QueueRow[]>;
  /** Every queue of the namespace. */
  queues(): Promise<QueueRow[]>;

  /** Starts runs; one result each, in order. Requests with the same id in one batch: the first wins. */
  start(requests: readonly StartRequest[]): Promise<StartResult[]>;
  /**
   * The same within a transaction of the caller's, and nothing of it without its commit. What it makes ready is nobody's
   * to publish yet: sessions are told of the commit (`onTold`), and one of them claims it.
   */
  startIn(tx: Tx, requests: readonly StartRequest[]): Promise<StartResult[]>;

  openSession(options: SessionOptions): Promise<StoreSession>;
  /**
   * Renews the session's TTL, writes progress, tells which leases are lost, and hands strays back: leases of
   * this session that no list knows, made by a statement whose sender gave up. Rejects with SessionDeadError.
   */
  heartbeat(session: SessionKey, heartbeat: Heartbeat): Promise<HeartbeatResult>;

  /** Leases ready activations; one result each, in order. */
  lease(session: SessionKey, requests: readonly LeaseRequest[]): Promise<LeaseResult[]>;
  /**
   * Records completions and what follows from them; one result each, in order. With `repeat`, a row completed
   * under the same number answers `committed` again, with the successors as they stand now.
   */
  commit(
    session: SessionKey,
    completions: readonly Completion[],
    options?: { readonly repeat?: boolean },
  ): Promise<CommitResult[]>;
  expand(session: SessionKey, expansion: Expansion): Promise<ExpandResult>;
  /**
   * Whether tasks can have transactions of their own, and callers start runs in theirs. `exclusive`: while one is
   * open, every other verb waits for its end.
   */
  readonly transactions: 'none' | 'concurrent' | 'exclusive';
  /** Opens a transaction for a task, in its turn; undefined when the signal fires first. Rejects with a ConfigError where there are none. */
  beginTask(signal: AbortSignal): Promise<TaskTransaction | undefined>;
  /** What became of a completion whose transaction ended without an answer; undefined: it isn't recorded, and never will be. */
  recorded(session: SessionKey, completion: Completion): Promise<CommitResult | undefined>;
  /** A failed attempt that will be repeated: `backing_off` with a timer. One boolean each: false is lost. */
  backOff(session: SessionKey, requests: readonly BackOff[]): Promise<boolean[]>;
  /** The final failure of a task: the run fails with it, everything else of the run is cancelled. Repeatable. */
  fail(session: SessionKey, failure: Failure): Promise<FailResult>;
  /** Gives leases back unharmed (attempt and losses stay): owed by the caller. Unknown ones are ignored. */
  handBack(session: SessionKey, leases: readonly LeaseRef[]): Promise<ReadyActivation[]>;

  /** One read that says which duties there are. `session` is undefined for a look without a session. */
  look(session: SessionKey | undefined, request: LookRequest): Promise<LookResult>;
  /** Declares sessions dead whose TTL ran out, or whose lock is free, at this very moment; returns those that it did. */
  judge(session: SessionKey, suspects: readonly SessionKey[]): Promise<SessionKey[]>;
  /**
   * Hands the leases of dead sessions back (losses + 1) and stamps their ready rows anew, at most `limit` rows:
   * call until nothing is left. A lease whose losses would reach `poisonAt` stays, for poison().
   */
  sweep(session: SessionKey, options: { readonly limit: number; readonly poisonAt: number }): Promise<SweepResult>;
  /** Fails the run of a lease that a dead session left, if it still is so. */
  poison(
    session: SessionKey,
    activation: ActivationRef,
    failure: { readonly error: SerializedError; readonly task: string },
  ): Promise<EndedRun | undefined>;
  /** Wakes what is due (delays, back-offs, signal timeouts), earliest first. `nextDueAt` is the earliest left. */
  fireTimers(
    session: SessionKey,
    limit: number,
  ): Promise<{ readonly ready: readonly ReadyActivation[]; readonly nextDueAt: number | undefined }>;
  /**
   * Ready rows that callers' transactions have started, each for one claimant, who owes its message; at most `limit`.
   * `nextDueAt` is the earliest timer, which may be theirs.
   */
  claim(
    session: SessionKey,
    limit: number,
  ): Promise<{ readonly ready: readonly ReadyActivation[]; readonly nextDueAt: number | undefined }>;
  /** Stamps ready rows anew whose message was lost or never published: owed by the caller. Skips what others hold. */
  restamp(session: SessionKey, owed: LookRequest['owed'], limit: number): Promise<ReadyActivation[]>;

  /** The current run of that id. */
  findRun(id: string): Promise<RunRow | undefined>;
  /** Those that exist, in no order. */
  runs(keys: readonly RunKey[]): Promise<RunRow[]>;
  listRuns(query: ListQuery): Promise<RunRow[]>;
  /** Rows of a run: all of them, in no order, or only those that aren't final. */
  activations(run: RunKey, options?: { readonly open?: boolean }): Promise<ActivationView[]>;

  /** Sessions that weren't closed in good order, the dead ones until they are swept; oldest first. */
  sessions(): Promise<SessionView[]>;
  /** Queues that have something ready or leased, by key. */
  loads(): Promise<QueueLoad[]>;

  runInput(run: RunKey): Promise<Uint8Array>;
  /** Outputs of completed activations; undefined where there is none. In order. */
  outputs(refs: readonly ActivationRef[]): Promise<(Uint8Array | undefined)[]>;
  /** Arrivals at a join, by slot. */
  gather(join: ActivationRef): Promise<Arrival[]>;

  signal(request: SignalRequest): Promise<SignalResult>;
  /** Ends the run and everything of it. A cancelled run answers `done` without a change. */
  cancel(run: RunKey, options: { readonly reason?: string; readonly by?: string }): Promise<ControlResult>;
  /** Nothing new starts; what is leased goes on. */
  pause(run: RunKey, options: { readonly reason?: string; readonly by?: string }): Promise<ControlResult>;
  resume(run: RunKey): Promise<ControlResult>;
  /**
   * A failed run goes on: what failed, and what was stopped by it, at attempt 1 and without losses. Delays and signal
   * timeouts keep their time; joins keep their counts. A repeat with the same token (a UUID) answers `done`.
   */
  retry(run: RunKey, token: string): Promise<ControlResult>;
  /** Tells every session of the namespace that control moved the run: for when the broker can't. */
  tell(run: RunKey): Promise<void>;
}
