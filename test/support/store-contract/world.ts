/** What a contract test works with: two processes over the same data, runs to start, and workers to run them. */
import { randomUUID } from 'node:crypto';
import type { ActivationRef, Path, QueueRow, ReadyActivation, RunKey, SessionKey } from '../../../src/core/model.js';
import type {
  ActivationRow,
  ActivationView,
  CommitResult,
  Completion,
  LeasedActivation,
  LeaseRef,
  LeaseResult,
  RunRow,
  StartRequest,
  StartResult,
  Store,
  StoreSession,
} from '../../../src/store/store.js';

/** How a kind of store is opened and disturbed. One harness is one set of data. */
export interface StoreHarness {
  /** Another store over the same data, as another process would open it; with a namespace, beside it. */
  open(namespace?: string): Promise<Store>;
  /** As if this much time had passed for everything stored. */
  advance(ms: number): Promise<void>;
  /** The session's process vanishes without a word. */
  abandon(session: SessionKey): Promise<void>;
  /** Ends the data; the stores are closed before. */
  close(): Promise<void>;
}

export const HASH = 'ab'.repeat(32);

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
export const paths = (rows: readonly { readonly path: Path }[]): Path[] => rows.map(({ path }) => path);

export class World {
  readonly #opened: Store[] = [];
  readonly #sessions: StoreSession[] = [];
  #ids = 0;

  private constructor(
    readonly harness: StoreHarness,
    readonly store: Store,
    /** The same data, seen from another process. */
    readonly other: Store,
    readonly queue: QueueRow,
  ) {}

  static async open(make: () => Promise<StoreHarness>): Promise<World> {
    const harness = await make();
    const store = await harness.open();
    const other = await harness.open();
    await store.migrate();
    const [queue] = await store.ensureQueues([{ workflow: 'checkout', hash: HASH, tags: [], priority: 3 }]);
    const world = new World(harness, store, other, queue as QueueRow);
    world.#opened.push(store, other);
    return world;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
    for (const store of this.#opened) await store.close();
    await this.harness.close();
  }

  async open(namespace?: string): Promise<Store> {
    const store = await this.harness.open(namespace);
    this.#opened.push(store);
    return store;
  }

  advance(ms: number): Promise<void> {
    return this.harness.advance(ms);
  }

  async now(): Promise<number> {
    return (await this.store.look(undefined, { owed: [] })).now;
  }

  // -------------------------------------------------------------------------------------- activations to insert

  ready(path: Path, more: Partial<ActivationRow> = {}): ActivationRow {
    return { path, state: 'ready', queue: this.queue.key, source: '', recipe: null, ...more };
  }

  delayed(path: Path, dueInMs: number): ActivationRow {
    return this.ready(path, { state: 'delayed', dueInMs });
  }

  awaiting(path: Path, signal: string, dueInMs?: number): ActivationRow {
    return this.ready(path, { state: 'awaiting_signal', signal, ...(dueInMs === undefined ? {} : { dueInMs }) });
  }

  joining(path: Path, pending: number): ActivationRow {
    const recipe = JSON.stringify(['gather', path]);
    return this.ready(path, { state: 'joining', pending, source: null, recipe });
  }

  /** A fork whose branches are one ready activation each. */
  fork(path: Path, branches: number): ActivationRow[] {
    const heads = Array.from({ length: branches }, (_, b) => this.ready(`${path}/b${b}/0`));
    return [this.joining(path, branches), ...heads];
  }

  // ------------------------------------------------------------------------------------------------------- runs

  request(more: Partial<StartRequest> = {}): StartRequest {
    return {
      id: `run-${++this.#ids}`,
      token: randomUUID(),
      workflow: 'checkout',
      hash: HASH,
      input: bytes('the input'),
      priority: 3,
      metadata: null,
      conflict: 'fail',
      replyTo: null,
      activations: [this.ready('/0')],
      ...more,
    };
  }

  async startOne(request: StartRequest, store = this.store): Promise<StartResult> {
    const [result] = await store.start([request]);
    return result as StartResult;
  }

  /** Starts a run of these activations. */
  async begin(...activations: ActivationRow[]): Promise<RunKey> {
    return (await this.started(activations.length === 0 ? {} : { activations })).run;
  }

  async started(more: Partial<StartRequest> = {}): Promise<Extract<StartResult, { kind: 'started' }>> {
    const result = await this.startOne(this.request(more));
    if (result.kind !== 'started') throw new Error(`not started: ${result.kind}`);
    return result;
  }

  async run(run: RunKey): Promise<RunRow> {
    const [row] = await this.store.runs([run]);
    if (row === undefined) throw new Error(`no run ${run}`);
    return row;
  }

  async row(run: RunKey, path: Path): Promise<ActivationView> {
    const row = (await this.store.activations(run)).find((one) => one.path === path);
    if (row === undefined) throw new Error(`no activation ${path} in run ${run}`);
    return row;
  }

  /** State by path. */
  async states(run: RunKey): Promise<Record<Path, string>> {
    return Object.fromEntries((await this.store.activations(run)).map(({ path, state }) => [path, state]));
  }

  async worker(options: { ttlMs?: number; workerId?: string; store?: Store } = {}): Promise<Worker> {
    const { ttlMs = 600_000, workerId = 'worker', store = this.store } = options;
    const session = await store.openSession({ workerId, ttlMs, host: 'here', pid: process.pid });
    this.#sessions.push(session);
    return new Worker(store, session);
  }

  /** A worker of the other process. */
  rival(): Promise<Worker> {
    return this.worker({ workerId: 'rival', store: this.other });
  }

  /** Its process vanishes, and `judge` finds out. */
  async kill(victim: Worker, judge: Worker): Promise<void> {
    await this.harness.abandon(victim.key);
    for (const end = Date.now() + 10_000; ; ) {
      const judged = await judge.store.judge(judge.key, [victim.key]);
      if (judged.length === 1) return;
      if (Date.now() > end) throw new Error('the lock of an abandoned session stayed taken');
    }
  }
}

type Follow = Partial<Omit<Completion, keyof LeaseRef>>;

/** One session and the numbers of its leases. */
export class Worker {
  #number = 0;

  constructor(
    readonly store: Store,
    readonly session: StoreSession,
  ) {}

  get key(): SessionKey {
    return this.session.key;
  }

  take(): number {
    return ++this.#number;
  }

  async tryLease(run: RunKey, path: Path, number = this.take()): Promise<LeaseResult> {
    const [result] = await this.store.lease(this.key, [{ run, path, number }]);
    return result as LeaseResult;
  }

  async lease(run: RunKey, path: Path, number = this.take()): Promise<LeasedActivation> {
    const result = await this.tryLease(run, path, number);
    if (result.kind !== 'leased') throw new Error(`${path} is ${result.kind}`);
    return result.activation;
  }

  async commit(lease: LeaseRef, follow: Follow = {}, options?: { repeat?: boolean }): Promise<CommitResult> {
    const [result] = await this.store.commit(this.key, [completion(lease, follow)], options);
    return result as CommitResult;
  }

  /** Leases and completes. */
  async complete(run: RunKey, path: Path, follow: Follow = {}): Promise<Extract<CommitResult, { kind: 'committed' }>> {
    const result = await this.commit(await this.lease(run, path), follow);
    if (result.kind !== 'committed') throw new Error(`${path} is ${result.kind}`);
    return result;
  }

  /** Fails an attempt: the next is due after `delayMs`. */
  async backOff(run: RunKey, path: Path, delayMs: number): Promise<LeaseRef> {
    const lease = ref(await this.lease(run, path));
    const [kept] = await this.store.backOff(this.key, [
      { ...lease, delayMs, error: { name: 'Error', message: 'no luck' } },
    ]);
    if (!kept) throw new Error(`${path} was lost`);
    return lease;
  }
}

export const ref = ({ run, path, number }: LeaseRef): LeaseRef => ({ run, path, number });

export const completion = (lease: LeaseRef, follow: Follow = {}): Completion => ({
  ...ref(lease),
  activate: [],
  ...follow,
});

/** An arrival of the committed activation's own output. */
export const arriveAt = (join: Path, slot: number, suffix?: string): Pick<Completion, 'arrive'> => ({
  arrive: { join, slot, result: null, ...(suffix === undefined ? {} : { release: { suffix } }) },
});

/** Two ready lists hold each activation once. */
export const sortedPaths = (rows: readonly (ReadyActivation | ActivationRef)[]): Path[] => paths(rows).sort();
