/**
 * One session's leases: numbers, what is held, and the statements that take and settle them. When the session is
 * judged dead all of it ends at once, and the engine opens another.
 */
import { LeaseLostError, RunCancelledError, RunFailedError } from '../core/errors.js';
import { isLive, type ReadyActivation, type RunKey, type SessionKey } from '../core/model.js';
import { deserializeError } from '../core/serialize-error.js';
import type {
  BackOff,
  CommitResult,
  Completion,
  LeasedActivation,
  LeaseRef,
  LeaseRequest,
  LeaseResult,
  RunRow,
  Store,
  StoreSession,
} from '../store/store.js';
import { Batch } from './batch.js';

/** What runs under a lease, for people. */
export interface AtWork {
  readonly runId: string;
  readonly workflow: string;
  readonly taskId: string;
  readonly attempt: number;
}

/** A lease that a task of this process runs under. */
export interface Held extends LeaseRef, AtWork {
  /** Aborted when the lease is lost or the worker gives it up; the reason says which. */
  readonly control: AbortController;
  /** JSON text of what the task said since the last heartbeat. */
  progress?: string;
}

export class Leases {
  readonly session: SessionKey;
  /** Ends with the session. */
  readonly ended = new AbortController();
  readonly #held = new Map<number, Held>();
  readonly #known = new Set<number>();
  /** Runs that control moved while leases were asked for, and the first number that was asked for later. */
  readonly #moved = new Map<RunKey, number>();
  readonly #runs: Batch<RunKey, RunRow | undefined>;
  readonly #lease: Batch<LeaseRequest, LeaseResult>;
  readonly #commit: Batch<{ completion: Completion; repeat: boolean }, CommitResult>;
  readonly #backOff: Batch<BackOff, boolean>;
  #next = 1;

  constructor(
    readonly store: Store,
    readonly handle: StoreSession,
  ) {
    this.session = handle.key;
    this.#lease = new Batch((requests) => store.lease(this.session, requests));
    this.#commit = new Batch((requests) =>
      store.commit(
        this.session,
        requests.map(({ completion }) => completion),
        { repeat: requests.some(({ repeat }) => repeat) },
      ),
    );
    this.#backOff = new Batch((requests) => store.backOff(this.session, requests));
    this.#runs = new Batch(async (keys) => {
      const rows = await this.#rowsOf(keys);
      return keys.map((key) => rows.get(key));
    });
  }

  get size(): number {
    return this.#held.size;
  }

  /** A number for a lease that is about to be asked for. Until it is settled, heartbeats name it. */
  take(): number {
    const number = this.#next++;
    this.#known.add(number);
    return number;
  }

  /** The lease ended, or never was: heartbeats name it no more, and hand it back should it turn up after all. */
  settle(number: number): void {
    this.#known.delete(number);
    this.#held.delete(number);
  }

  /** The lease is ours: the heartbeat watches it from now on. */
  hold({ run, path, number, info, attempt }: LeasedActivation, taskId: string): Held {
    const { id: runId, workflow } = info;
    const held: Held = { run, path, number, runId, workflow, taskId, attempt, control: new AbortController() };
    this.#held.set(number, held);
    return held;
  }

  atWork(): AtWork[] {
    return [...this.#held.values()].map(({ runId, workflow, taskId, attempt }) => ({
      runId,
      workflow,
      taskId,
      attempt,
    }));
  }

  /**
   * Control moved a run. If it has ended, its tasks here are aborted with the reason. Resolves with false where only a
   * heartbeat can tell what became of its leases. A lease whose answer is still on its way is `overtaken` when it is held.
   */
  async controlled(run: RunKey): Promise<boolean> {
    const before = this.#next;
    this.#remember(run, before);
    if (this.#of(run).length === 0) return true;
    const row = await this.#runs.add(run);
    if (row === undefined || isLive(row.status)) return false;
    for (const { number } of this.#of(run)) if (number < before) this.#lose(number, row);
    return true;
  }

  /** Control moved the run after this lease was asked for, and before it was held: whoever looked then didn't see it. */
  overtaken({ run, number }: Held): boolean {
    return number < (this.#moved.get(run) ?? 0);
  }

  lease(request: LeaseRequest): Promise<LeaseResult> {
    return this.#lease.add(request);
  }

  commit(completion: Completion, repeat: boolean): Promise<CommitResult> {
    return this.#commit.add({ completion, repeat });
  }

  backOff(request: BackOff): Promise<boolean> {
    return this.#backOff.add(request);
  }

  /**
   * One heartbeat: renews the session, aborts the tasks whose lease is lost, and returns strays that it handed
   * back. The list of numbers is made before the statement is sent, and only smaller numbers can be strays.
   */
  async beat(ttlMs: number): Promise<readonly ReadyActivation[]> {
    const held = [...this.#held.values()].map(({ run, path, number, progress }) => ({
      run,
      path,
      number,
      ...(progress === undefined ? {} : { progress }),
    }));
    const before = this.#next;
    const known = [...this.#known];
    const { lost, ready } = await this.store.heartbeat(this.session, { ttlMs, held, known, before });
    for (const lease of held) this.#progressWritten(lease.number, lease.progress);
    const ended = await this.#runsOf(lost.filter(({ reason }) => reason !== 'taken').map(({ number }) => number));
    for (const { number } of lost) this.#lose(number, ended.get(this.#held.get(number)?.run ?? ''));
    return ready;
  }

  /** After an interruption of the session's connection: the leases in hand again, under the same numbers. */
  async repeat(): Promise<void> {
    const held = [...this.#held.values()];
    if (held.length === 0) return;
    const results = await this.store.lease(this.session, held);
    results.forEach((result, i) => {
      const { number } = held[i] as Held;
      if (result.kind !== 'leased') this.#lose(number, undefined);
    });
  }

  /** Aborts every task of this session; what they return is discarded. */
  abandon(cause: Error): void {
    this.ended.abort(cause);
    const reason = new LeaseLostError('this worker was taken for dead', { cause });
    for (const held of this.#held.values()) held.control.abort(reason);
    this.#held.clear();
    this.#known.clear();
  }

  /** Aborts every task, whose leases stay ours until they are handed back. */
  interrupt(reason: Error): void {
    for (const held of this.#held.values()) held.control.abort(reason);
  }

  /** Gives back what is still held. */
  async handBack(): Promise<readonly ReadyActivation[]> {
    const held = [...this.#held.values()];
    const ready = await this.store.handBack(this.session, held);
    for (const { number } of held) this.settle(number);
    return ready;
  }

  // A lease that was settled while the heartbeat was on its way isn't lost: the task has reported.
  #lose(number: number, run: RunRow | undefined): void {
    const held = this.#held.get(number);
    if (held === undefined) return;
    this.settle(number);
    held.control.abort(lossOf(run));
  }

  /** The runs of leases that ended with their run: its row says why, and who wanted it. */
  async #runsOf(numbers: readonly number[]): Promise<ReadonlyMap<RunKey, RunRow>> {
    const keys = new Set(numbers.flatMap((number) => this.#held.get(number)?.run ?? []));
    return keys.size === 0 ? new Map() : this.#rowsOf([...keys]);
  }

  async #rowsOf(keys: readonly RunKey[]): Promise<Map<RunKey, RunRow>> {
    return new Map((await this.store.runs(keys)).map((row) => [row.run, row]));
  }

  #of(run: RunKey): Held[] {
    return [...this.#held.values()].filter((held) => held.run === run);
  }

  /** Kept only as long as an answer is on its way that was asked for before. */
  #remember(run: RunKey, before: number): void {
    const oldest = this.#oldestOpen();
    for (const [moved, mark] of this.#moved) if (mark <= oldest) this.#moved.delete(moved);
    if (oldest < before) this.#moved.set(run, before);
  }

  /** The smallest number that was asked for and isn't answered; infinite where there is none. */
  #oldestOpen(): number {
    for (const number of this.#known) if (!this.#held.has(number)) return number;
    return Number.POSITIVE_INFINITY;
  }

  #progressWritten(number: number, written: string | undefined): void {
    const held = this.#held.get(number);
    if (held !== undefined && held.progress === written) delete held.progress;
  }
}

/** What a task whose lease is lost is told. */
function lossOf(run: RunRow | undefined): Error {
  if (run?.status === 'cancelled') return new RunCancelledError(run.id, run.reason, run.by);
  if (run?.status === 'failed' && run.error !== undefined)
    return new RunFailedError(run.id, run.failedTask, run.failedAttempt, deserializeError(run.error));
  return new LeaseLostError('another worker has the lease');
}
