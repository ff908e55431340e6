/**
 * The duties that every worker shares: whoever sees it first acts. One read each 700 ms says what there is: sessions
 * that died, timers that nobody's process waits for, and messages that were lost or never published. It writes
 * only when there is something to do.
 */
import { PoisonedError } from '../core/errors.js';
import type { ActivationRef, QueueRow, ReadyActivation, SessionKey } from '../core/model.js';
import { serializeError } from '../core/serialize-error.js';
import { nodeAt } from '../core/tree.js';
import { type EndedRun, type LookRequest, type LookResult, SessionDeadError, type Store } from '../store/store.js';
import type { Transport } from '../transport/transport.js';
import type { Dispatcher } from './dispatch.js';
import { limits } from './limits.js';
import { Pulse } from './pulse.js';
import type { Registry } from './registry.js';
import type { StoreClock } from './store-clock.js';
import { Suspicion } from './suspicion.js';
import type { Timers } from './timers.js';

export interface Watched {
  readonly queue: QueueRow;
  /** The newest stamp delivered from it here; undefined before the first delivery. */
  readonly newest: number | undefined;
}

/** What a dead process, or the broker, had lost, and is on its way again. */
export interface Rescue {
  /** Sessions judged dead here; activations of theirs handed on; messages published again; runs failed as poisoned. */
  readonly what: 'sessions' | 'activations' | 'messages' | 'poisoned';
  readonly count: number;
}

export interface ReconcilerOptions {
  readonly store: Store;
  readonly transport: Transport;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clock: StoreClock;
  readonly timers: Timers;
  /** The session to act under; undefined while there is none. */
  readonly session: () => SessionKey | undefined;
  /** Queues that this process consumes. */
  readonly watched: () => readonly Watched[];
  readonly ended: (run: EndedRun) => void;
  readonly onRescue: (rescue: Rescue) => void;
  readonly onDeadSession: (error: SessionDeadError) => void;
  readonly onError: (error: unknown) => void;
  /** A turn went well: the store answers, and has queues whose keys add up to this. */
  readonly onLooked: (queues: number) => void;
}

export class Reconciler {
  readonly #pulse = new Pulse(() => this.#turn());
  readonly #suspicion = new Suspicion(limits.lockFreeMs);
  #alertUntil = 0;

  constructor(private readonly options: ReconcilerOptions) {}

  start(): void {
    this.#pulse.start();
  }

  /**
   * A session may just have died: look now, and often for a while. The broker sees a death first, Postgres a
   * moment later.
   */
  wake(): void {
    this.#alertUntil = performance.now() + limits.alertMs;
    this.#pulse.wake();
  }

  stop(): Promise<void> {
    return this.#pulse.stop();
  }

  async #turn(): Promise<number> {
    const session = this.options.session();
    if (session === undefined) return limits.dutyIntervalMs;
    try {
      const look = await this.#look(session);
      await this.#judge(session, look);
      this.#wakeTimers(look);
      await this.#republish(session, look);
      this.options.onLooked(look.queues);
    } catch (error) {
      // What was seen before an outage proves nothing after it.
      this.#suspicion.clear();
      if (error instanceof SessionDeadError) this.options.onDeadSession(error);
      else this.options.onError(error);
    }
    const alert = this.#suspicion.any || performance.now() < this.#alertUntil;
    return alert ? limits.suspectIntervalMs : limits.dutyIntervalMs;
  }

  async #look(session: SessionKey): Promise<LookResult> {
    const { store, clock } = this.options;
    const sentAt = Date.now();
    const look = await store.look(session, { owed: this.#candidates() });
    clock.learn(look.now, sentAt, Date.now());
    return look;
  }

  // ------------------------------------------------------------------------------------ dead sessions

  async #judge(session: SessionKey, look: LookResult): Promise<void> {
    const { store, dispatcher, onRescue } = this.options;
    const guilty = this.#suspicion.see(look.mayJudge ? look.unlocked : []);
    const suspects = look.mayJudge ? [...new Set([...look.expired, ...guilty])] : [];
    const judged = suspects.length === 0 ? [] : await store.judge(session, suspects);
    onRescue({ what: 'sessions', count: judged.length });
    if (judged.length === 0 && !look.sweep) return;
    for (let more = true; more; ) {
      const { ready, poisoned } = await store.sweep(session, { limit: limits.sweepLimit, poisonAt: limits.poisonAt });
      onRescue({ what: 'activations', count: ready.length });
      await dispatcher.dispatch(ready);
      for (const activation of poisoned) await this.#poison(session, activation);
      more = ready.length + poisoned.length > 0;
    }
  }

  async #poison(session: SessionKey, activation: ActivationRef): Promise<void> {
    const { store, dispatcher, ended, onRescue } = this.options;
    const task = await this.#nameOf(activation);
    const error = serializeError(new PoisonedError(task, limits.poisonAt));
    const run = await store.poison(session, activation, { error, task });
    if (run === undefined) return;
    onRescue({ what: 'poisoned', count: 1 });
    ended(run);
    void dispatcher.announceControl(run.run);
  }

  /** The node's name where this worker knows the workflow, else its path. */
  async #nameOf({ run, path }: ActivationRef): Promise<string> {
    const [row] = await this.options.store.runs([run]);
    const tree = row && this.options.registry.tree(row.workflow, row.hash);
    return tree === undefined ? path : nodeAt(tree.root, path).id;
  }

  // ------------------------------------------------------------------------------------------- timers

  /** Timers of processes that died, or that keep none. Their owner, if it lives, gets a moment's precedence. */
  #wakeTimers({ nextDueAt }: LookResult): void {
    if (nextDueAt !== undefined) this.options.timers.at(nextDueAt + limits.foreignTimerMs * (1 + Math.random()));
  }

  // ---------------------------------------------------------------------------------------- watermark

  /** Queues whose rows may be owed: all that were stamped this long ago, for a start. */
  #candidates(): LookRequest['owed'] {
    const { transport, clock, watched } = this.options;
    if (transport.state !== 'up') return [];
    const publishedBefore = clock.now() - limits.watermarkLagMs;
    return watched().map(({ queue }) => ({ queue: queue.key, publishedBefore }));
  }

  async #republish(session: SessionKey, look: LookResult): Promise<void> {
    if (look.owed.length === 0) return;
    const { store, dispatcher, onRescue } = this.options;
    const owed: { queue: number; publishedBefore: number }[] = [];
    for (const watched of this.options.watched()) {
      if (!look.owed.includes(watched.queue.key)) continue;
      const passed = await this.#passed(watched, look.now);
      if (passed !== undefined)
        owed.push({ queue: watched.queue.key, publishedBefore: passed - limits.watermarkLagMs });
    }
    if (owed.length === 0) return;
    const ready: readonly ReadyActivation[] = await store.restamp(session, owed, limits.restampLimit);
    onRescue({ what: 'messages', count: ready.length });
    await dispatcher.dispatch(ready);
  }

  /**
   * Up to which stamp the queue has been delivered: what was stamped before and is still ready was lost. An empty
   * queue has delivered everything; of a backlog, what was stamped up to the newest delivery.
   */
  async #passed({ queue, newest }: Watched, now: number): Promise<number | undefined> {
    const depth = await this.options.transport.depth(queue.name);
    if (depth === undefined) return undefined;
    return depth.ready === 0 ? now : newest;
  }
}
