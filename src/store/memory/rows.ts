/** What the memory store keeps: plain records, each indexed by whatever looks for it. */
import type {
  ActivationState,
  Path,
  ReadyActivation,
  SerializedError,
  SessionKey,
  StoredRunStatus,
} from '../../core/model.js';
import type { EndedRun, RunInfo, RunRow, Told } from '../store.js';

export interface MemoryRun {
  readonly info: RunInfo;
  /** Made by the client: a repeated start knows its run by it. */
  readonly token: string;
  readonly input: Uint8Array;
  readonly createdAt: number;
  status: StoredRunStatus;
  /** False once its id went to a later run. */
  current: boolean;
  output: RunRow['output'];
  failure: RunFailure | undefined;
  /** Of the last retry. */
  retryToken: string | undefined;
  reason: string | undefined;
  by: string | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  readonly rows: Map<Path, MemoryRow>;
  /** Rows that aren't final: all that control has to touch. */
  readonly open: Set<MemoryRow>;
  /** What arrived at each join, in order of arrival. */
  readonly arrivals: Map<Path, MemoryRow[]>;
  /** Who waits for each signal, in the order of being served. */
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
  /** The request that parked it: among those of one request the smaller path is served first. */
  readonly request: number;
}

/** A row falls due at an instant. */
export interface Timer {
  readonly row: MemoryRow;
  readonly dueAt: number;
  /** Order among timers of one instant. */
  readonly rank: number;
}

/** Where an activation goes on when its run is retried. */
export interface Stopped {
  readonly state: ActivationState;
  readonly dueAt: number | undefined;
  readonly wait: Wait | undefined;
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
  /** Which branch or element of its join it was. */
  slot: number;
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
  /** How it stood when the failure of its run stopped it. */
  stopped: Stopped | undefined;
}

/** One worker process, as the store sees it. */
export interface MemorySession {
  readonly key: SessionKey;
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  /** Rows that are leased by it, or ready and stamped by it. */
  readonly rows: Set<MemoryRow>;
  ttlUntil: number;
  status: 'open' | 'closed' | 'dead';
  /** Its process vanished (a simulated crash): as if its lock were free. */
  abandoned: boolean;
  /** What it is told through the store. */
  readonly listeners: Set<(told: Told) => void>;
}

/** Whether this token is or was the row's last fence. */
export const fenced = (row: MemoryRow, session: MemorySession | undefined, number: number): boolean =>
  row.session !== undefined && row.session === session && row.number === number;

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
