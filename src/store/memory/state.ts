/**
 * The truth in memory: what a database would be to the clients of one namespace. Each of its methods is one step
 * that nothing interrupts, which is all the locking that there is.
 */
import type { ActivationRef, ActivationState, QueueRow, ReadyActivation, RunKey, SessionKey } from '../../core/model.js';
import { RunNotFoundError } from '../../core/errors.js';
import { type DefinitionRow, SessionDeadError } from '../store.js';
import { holds, isFinal, isLive, type MemoryRow, type MemoryRun, type MemorySession, toReady } from './rows.js';
import { Timers } from './timers.js';
import { unpark } from './waits.js';

/** Tells the time, in ms since the epoch. Tests inject one that they turn by hand. */
export interface Clock {
  now(): number;
}

export interface MemoryStateOptions {
  /** Goes into the names of queues. @default 'default' */
  readonly namespace?: string;
  /** @default the system's clock */
  readonly clock?: Clock;
}

export class MemoryState {
  readonly namespace: string;
  readonly timers = new Timers();
  /** In order of their keys: the run with key `n` is at `n - 1`. */
  readonly runs: MemoryRun[] = [];
  /** The current run of each id. */
  readonly current = new Map<string, MemoryRun>();
  readonly sessions = new Map<SessionKey, MemorySession>();
  /** Dead sessions that may have rows yet. */
  readonly dead = new Set<MemorySession>();
  readonly queues = new Map<string, QueueRow>();
  /** By name of the workflow, oldest first. */
  readonly definitions = new Map<string, Map<string, DefinitionRow>>();
  /** Ready rows of each queue, in the order of their stamps. */
  readonly #ready = new Map<number, Set<MemoryRow>>();
  readonly #clock: Clock;
  #latest = 0;
  #requests = 0;
  #sessionKeys = 0;

  constructor({ namespace = 'default', clock = Date }: MemoryStateOptions = {}) {
    this.namespace = namespace;
    this.#clock = clock;
  }

  /** Never goes back, whatever the clock does: stamps are compared. */
  now(): number {
    this.#latest = Math.max(this.#latest, this.#clock.now());
    return this.#latest;
  }

  nextRequest(): number {
    return ++this.#requests;
  }

  nextSessionKey(): SessionKey {
    return String(++this.#sessionKeys);
  }

  run(key: RunKey): MemoryRun {
    const run = this.findRun(key);
    if (run === undefined) throw new RunNotFoundError(key);
    return run;
  }

  findRun(key: RunKey): MemoryRun | undefined {
    return this.runs[Number(key) - 1];
  }

  row({ run, path }: ActivationRef): MemoryRow | undefined {
    return this.findRun(run)?.rows.get(path);
  }

  /** The row, if this token is its fence. */
  held(session: MemorySession | undefined, lease: ActivationRef & { readonly number: number }): MemoryRow | undefined {
    const row = this.row(lease);
    return holds(session, lease.number, row) ? row : undefined;
  }

  /** The session of a verb that creates or leases. */
  alive(key: SessionKey): MemorySession {
    const session = this.sessions.get(key);
    if (session === undefined || session.dead) throw new SessionDeadError(key);
    return session;
  }

  readyRows(queue: number): Iterable<MemoryRow> {
    return this.#ready.get(queue) ?? [];
  }

  /** Puts a new row where its state says. */
  add(row: MemoryRow): void {
    row.run.rows.set(row.path, row);
    row.run.open.add(row);
    this.#enter(row);
  }

  /** Moves a row into another state, off every index of the old one. Its timer and its wait end. */
  move(row: MemoryRow, state: ActivationState, session = row.session): void {
    this.#leave(row);
    this.timers.clear(row);
    if (row.wait !== undefined) unpark(row, row.wait);
    row.state = state;
    row.session = session;
    if (isFinal(state)) {
      row.finishedAt = this.now();
      row.run.open.delete(row);
    }
    this.#enter(row);
  }

  /** The only way to `ready`: on a paused run the row is held instead, on an ended one nothing happens. */
  makeReady(row: MemoryRow, session: MemorySession | undefined): ReadyActivation | undefined {
    if (!isLive(row.run.status)) return undefined;
    row.repeats = 0;
    row.readyAt ??= this.now();
    row.publishedAt = this.now();
    const held = row.run.status === 'paused';
    this.move(row, held ? 'held' : 'ready', undefined);
    if (held) return undefined;
    this.stampedBy(row, session);
    return toReady(row);
  }

  /** What has just come to be ready: counted from now. */
  wake(row: MemoryRow, session: MemorySession | undefined): ReadyActivation | undefined {
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
    this.#leave(row);
    row.publishedAt = this.now();
    row.session = session;
    this.#enter(row);
    return toReady(row);
  }

  stampedBy(row: MemoryRow, session: MemorySession | undefined): void {
    row.session?.rows.delete(row);
    row.session = session;
    session?.rows.add(row);
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
    if (rows === undefined) this.#ready.set(queue, (rows = new Set()));
    return rows;
  }
}
