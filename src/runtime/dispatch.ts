/**
 * Publishes what was made ready. Every process that makes something ready owes its message and pays it here. What
 * can't be paid while the broker is away is paid when it is back. That is a courtesy, which spares the run some
 * seconds: should this process die first, or have too much to remember, the row says `ready`, and the watermark
 * publishes it.
 */

import type { Logger } from '../core/logger.js';
import type { ReadyActivation, RunKey } from '../core/model.js';
import type { EndedRun, Store } from '../store/store.js';
import type { Outgoing, PublishOutcome, Transport } from '../transport/transport.js';
import { Emitter } from './emitter.js';
import { limits } from './limits.js';
import type { QueueDirectory } from './queues.js';

/** What came of one batch of messages. */
export interface Published {
  readonly confirmed: number;
  readonly failed: number;
  /** From handing it to the broker to the last outcome. */
  readonly durationMs: number;
}

export class Dispatcher {
  /** Not confirmed, oldest first. */
  #unpaid: ReadyActivation[] = [];
  readonly #events: Emitter<{ published: [Published] }>;
  readonly #underWay = new Set<Promise<boolean>>();

  constructor(
    private readonly store: Pick<Store, 'tell'>,
    private readonly queues: QueueDirectory,
    private readonly transport: Transport,
    private readonly logger: Logger,
  ) {
    this.#events = new Emitter((err) => logger.error({ err }, 'an event listener threw'));
    transport.onState((state) => {
      if (state === 'up') this.#payAll();
    });
  }

  /**
   * Publishes and resolves when every message is confirmed or given up: true when all were confirmed. Never
   * rejects: what wasn't confirmed is published again when the broker is back, or found by the watermark.
   */
  async dispatch(ready: readonly ReadyActivation[]): Promise<boolean> {
    if (ready.length === 0) return true;
    const publishing = this.#pay(ready);
    this.#underWay.add(publishing);
    const confirmed = await publishing;
    this.#underWay.delete(publishing);
    return confirmed;
  }

  /** Resolves when whatever is being published now is confirmed or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  onPublished(listener: (published: Published) => void): () => void {
    return this.#events.on('published', listener);
  }

  /** Tells whoever waits for it, and the world, that a run ended. Best effort: waiters also look at the row. */
  announceEnd(ended: EndedRun): void {
    if (ended.replyTo !== null) this.transport.reply(ended.replyTo, { run: ended.run });
    this.transport.emit({
      topic: `run.${ended.status}.${ended.workflow}`,
      body: { run: ended.id, key: ended.run, workflow: ended.workflow, status: ended.status },
    });
  }

  /**
   * Control moved a run: whoever runs a task of it should look at its leases now. While the broker takes no messages
   * the store tells the workers; it could always, but at the price of a lock that all its notifications share. Never
   * rejects: a heartbeat finds it out, later.
   */
  async announceControl(run: RunKey): Promise<void> {
    this.transport.announce({ kind: 'run.controlled', run });
    if (this.transport.state === 'up') return;
    try {
      await this.store.tell(run);
    } catch (error) {
      this.logger.warn(
        { err: error, run },
        'cannot tell the workers that the run was controlled; their heartbeats will',
      );
    }
  }

  async #pay(ready: readonly ReadyActivation[]): Promise<boolean> {
    try {
      const batch: Outgoing[] = [];
      for (const activation of ready) {
        const { queue, ...message } = activation;
        batch.push({ queue: await this.queues.byKey(queue), message });
      }
      const outcomes = await this.#publish(batch);
      const failed = outcomes.find((outcome) => !outcome.ok);
      if (failed === undefined || failed.ok) return true;
      this.#owe(
        ready.filter((_, i) => !outcomes[i]?.ok),
        failed.error,
      );
      return false;
    } catch (error) {
      this.#owe(ready, error);
      return false;
    }
  }

  async #publish(batch: readonly Outgoing[]): Promise<PublishOutcome[]> {
    const startedAt = performance.now();
    const outcomes = await this.transport.publish(batch);
    const confirmed = outcomes.reduce((sum, { ok }) => sum + Number(ok), 0);
    const durationMs = performance.now() - startedAt;
    this.#events.emit('published', { confirmed, failed: outcomes.length - confirmed, durationMs });
    return outcomes;
  }

  #owe(ready: readonly ReadyActivation[], error: unknown): void {
    this.#unpaid = [...this.#unpaid, ...ready].slice(-limits.unpaidMessages);
    // While the broker is away, everybody knows already.
    const level = this.transport.state === 'up' ? 'warn' : 'debug';
    this.logger[level]({ err: error, messages: ready.length }, 'messages not confirmed; they are published again');
  }

  /** A copy of what somebody else has published meanwhile does no harm: its row isn't ready any more. */
  #payAll(): void {
    void this.dispatch(this.#unpaid.splice(0));
  }
}
