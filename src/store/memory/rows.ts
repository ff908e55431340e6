/** What the memory store keeps: plain records, each indexed by whatever looks for it. */
import type {
  ActivationRef,
  ActivationState,
  Path,
  ReadyActivation,
  SerializedError,
  SessionKey,
  StoredRunStatus,
} from '../../core/model.js';
import { type EndedRun, type RunInfo, type RunRow, StoreRejectedError } from '../store.js';
import type { Timer } from './timers.js';

export interface MemoryRun {
  readonly info: RunInfo;
  readonly token: string;
  readonly input: Uint8Array;
  readonly createdAt: number;
  status: StoredRunStatus;
  /** False once its id went to a later run. */
  current: boolean;
  output: RunRow['output'];
  failure: RunFailure | undefined;
  reason: string | undefined;
  by: string | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  readonly rows: Map<Path, MemoryRow>;
  /** Rows that aren't final: all that control has to touch. */
  readonly open: Set<MemoryRow>;
  /** What arrived at each join, by slot. */
  readonly arrivals: Map<Path, MemoryRow[]>;
  /** Who waits for each signal, in the order of being served. Empty lists are removed. */
  readonly waits: Map<string, Wait[]>;
  readonly mail: Map<string, Mailbox>;
}

export interface RunFailure {
  readonly error: SerializedError;
  readonly task: string;
  readonly attempt: number;
}

/** Signals of one name. */
export interface Mailbox {
  /** Those that wait for a waiter, oldest first. */
  readonly buffered: Uint8Array[];
  /** Ids seen, those of consumed signals too. */
  readonly ids: Set<string>;
}

export interface Wait {
  readonly name: string;
  readonly row: MemoryRow;
  readonly parkedAt: number;
  /** Same for what one request parked. */
  readonly request: number;
}

/** One execution of a node. */
export interface MemoryRow {
  readonly run: MemoryRun;
  readonly path: Path;
  readonly queue: number;
  state: ActivationState;
  /** Leased: who holds it. Ready: who stamped it for publishing (undefined: a client). Later: who had it last. */
  session: MemorySession | undefined;
  /** The lease token's number; kept after the end, so that a repeated request knows itself. */
  number: number;
  attempt: number;
  losses: number;
  /** How often its message was replaced since it became ready. */
  repeats: number;
  pending: number | null;
  /** Maps: the next element to insert. */
  cursor: number;
  /** Limited maps: the next element to make ready. */
  turn: number;
  source: Path | null;
  recipe: string | null;
  input: Uint8Array | undefined;
  output: Uint8Array | undefined;
  /** Recipe of what arrived, where that isn't the own output. */
  result: string | null;
  error: SerializedError | undefined;
  progress: string | null;
  readyAt: number | undefined;
  publishedAt: number;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  timer: Timer | undefined;
  wait: Wait | undefined;
}

/** One worker process, as the store sees it. */
export interface MemorySession {
  readonly key: SessionKey;
  readonly workerId: string;
  /** Rows that are leased by it, or ready and stamped by it. */
  readonly rows: Set<MemoryRow>;
  ttlUntil: number;
  dead: boolean;
  /** Its process vanished (a simulated crash): as if its lock were free. */
  abandoned: boolean;
}

export const isLive = (status: StoredRunStatus): boolean => status === 'running' || status === 'paused';

export const isFinal = (state: ActivationState): boolean =>
  state === 'completed' || state === 'failed' || state === 'cancelled';

/** The fence of every worker's write. */
export function holds(session: MemorySession | undefined, number: number, row: MemoryRow | undefined): row is MemoryRow {
  return row !== undefined && row.state === 'leased' && row.session === session && row.number === number;
}

export function toReady(row: MemoryRow): ReadyActivation {
  return {
    run: row.run.info.run,
    path: row.path,
    queue: row.queue,
    losses: row.losses,
    readyAt: row.readyAt as number,
    publishedAt: row.publishedAt,
  };
}

export function toEnded({ info, status }: MemoryRun): EndedRun {
  return {
    run: info.run,
    id: info.id,
    workflow: info.workflow,
    status: status as EndedRun['status'],
    replyTo: info.replyTo,
  };
}

/** Refuses paths that exist already, before anything was changed. `taken` collects those of the batch itself. */
export function refuseTaken(run: MemoryRun | undefined, refs: readonly ActivationRef[], taken: Set<string>): void {
  for (const { run: key, path } of refs) {
    const name = `${key} ${path}`;
    if (run?.rows.has(path) || taken.has(name)) throw new StoreRejectedError(`run ${key} has an activation ${path} already`);
    taken.add(name);
  }
}

/** Text that Postgres can't hold is refused here too, so that what works in memory works there. */
export function refuseNul(...texts: readonly (string | null)[]): void {
  if (texts.some((text) => text?.includes('\0'))) throw new StoreRejectedError('text with a NUL character cannot be stored');
}
