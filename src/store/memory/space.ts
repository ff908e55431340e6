/**
 * One namespace's rows and what finds them. A row changes its state here only, so that no index is ever behind it.
 */
import { RunNotFoundError } from '../../core/errors.js';
import {
  type ActivationRef,
  type ActivationState,
  isFinal,
  isLive,
  type QueueRow,
  type ReadyActivation,
  type RunKey,
  type SessionKey,
} from '../../core/model.js';
import { type DefinitionRow, SessionDeadError } from '../store.js';
import { fenced, type MemoryRow, type MemoryRun, type MemorySession, toReady } from './rows.js';
import { Timers } from './timers.js';
import { unpark } from './waits.js';

/** What all namespaces of one truth share. */
export interface Shared {
  now(): number;
  /** Counts up, for keys of every kind. */
  nextKey(): number;
}

export class Space {
  readonly timers = new Timers();
  /** In the order of their keys. */
  readonly runs = new Map<RunKey, MemoryRun>();
  readonly byToken = new Map<string, MemoryRun>();
  /** The current run of each id. */
  readonly current = new Map<string, MemoryRun>();
  readonly sessions = new Map<SessionKey, MemorySession>();
  /** Dead sessions that may have rows yet. */
  readonly dead = new Set<MemorySession>();
  /** By name. */
  readonly queues = new Map<string, QueueRow>();
  /** By name of the workflow, then by hash; the one registered last is the last. */
  readonly definitions = new Map<string, Map<string, DefinitionRow>>();
  /** Ready rows of each queue, in the order of their stamps. */
  readonly #ready = new Map<number, Set<MemoryRow>>();

  constructor(
    private readonly shared: Shared,
    readonly namespace: string,
  ) {}

  now(): number {
    return this.shared.now();
  }

  nextKey(): number {
    return this.shared.nextKey();
  }

  /** Whether nothing is ready or leased: only time, a signal or control moves anything now. */
  get idle(): boolean {
    for (const rows of this.#ready.values()) if (rows.size > 0) return false;
    for (const session of this.sessions.values()) if (session.rows.size > 0) return false;
    return true;
  }

  run(key: RunKey): MemoryRun {
    const run = this.runs.get(key);
    if (run === undefined) throw new RunNotFoundError(key);
    return run;
  }

  row({ run, path }: ActivationRef): MemoryRow | undefined {
    return this.runs.get(run)?.rows.get(path);
  }

  /** The row, if it is leased under this token: the fence of every worker's write. */
  held(session: SessionKey, { number, ...ref }: ActivationRef & { readonly number: number }): MemoryRow | undefined {
    const row = this.row(ref);
    return row?.state === 'leased' && fenced(row, this.sessions.get(session), number) ? row : undefined;
  }

  /** The session of a verb that creates or leases. */
  alive(key: SessionKey): MemorySession {
    const session = this.sessions.get(key);
    if (session?.status !== 'open') throw new SessionDeadError(key);
    return session;
  }

  readyRows(queue: number): Iterable<MemoryRow> {
    return this.#ready.get(queue) ?? [];
  }

  add(row: MemoryRow): void {
    row.run.rows.set(row.path, row);
    row.run.open.add(row);
    this.#enter(row);
  }

  /** Moves a row into another state, off every index of the old one. Its timer and its wait end. */
  move(row: MemoryRow, state: ActivationState, session: MemorySession | undefined): void {
    this.#leave(row);
    this.timers.clear(row);
    unpark(row);
    row.state = state;
    row.session = session;
    row.run.open.add(row);
    if (isFinal(state)) {
      row.finishedAt = this.now();
      row.run.open.delete(row);
    }
    this.#enter(row);
  }

  /**
   * The only way to `ready`: on a paused run the row is held instead, on an ended one nothing happens. A row that
   * was ready before goes on ageing from then.
   *
   * @param session who owes its message; undefined for a client
   */
  makeReady(row: MemoryRow, session: MemorySession | undefined): ReadyActivation[] {
    if (!isLive(row.run.status)) return [];
    row.repeats = 0;
    row.readyAt ??= this.now();
    row.publishedAt = this.now();
    const held = row.run.status === 'paused';
    this.move(row, held ? 'held' : 'ready', session);
    return held ? [] : [toReady(row)];
  }

  /** The same for what was parked: it ages from now. */
  wake(row: MemoryRow, session: MemorySession | undefined): ReadyActivation[] {
    row.readyAt = undefined;
    return this.makeReady(row, session);
  }

  lease(row: MemoryRow, session: MemorySession, number: number): void {
    row.number = number;
    row.startedAt = this.now();
    row.run.startedAt ??= row.startedAt;
    this.move(row, 'leased', session);
  }

  /** A new stamp for a ready row: it goes to the end of its queue's rows. */
  restamp(row: MemoryRow, session: MemorySession): ReadyActivation {
    row.publishedAt = this.now();
    this.move(row, 'ready', session);
    return toReady(row);
  }

  #enter(row: MemoryRow): void {
    if (row.state === 'ready') this.#readyOf(row.queue).add(row);
    if (row.state === 'ready' || row.state === 'leased') row.session?.rows.add(row);
  }

  #leave(row: MemoryRow): void {
    if (row.state === 'ready') this.#readyOf(row.queue).delete(row);
    row.session?.rows.delete(row);
  }

  #readyOf(queue: number): Set<MemoryRow> {
    let rows = this.#ready.get(queue);
    if (rows === undefined) {
      rows = new Set();
      this.#ready.set(queue, rows);
    }
    return rows;
  }
}
