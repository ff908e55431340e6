/**
 * Deliveries as child actors of their worker, for inspectors that know only actors. Deliveries are plain functions; an
 * actor for each costs a third to two thirds of a worker's throughput, so there are none unless an inspector takes
 * them, and never more than a few at once.
 */
import { type ActorRefFrom, createActor } from 'xstate';
import { type DeliveryPhase, deliveryMachine } from '../../machines/delivery.js';
import type { Message } from '../core/model.js';
import type { Leased } from '../runtime/leased.js';
import type { WorkerActor } from '../runtime/worker-state.js';

/** As many are shown at once; the others pass unseen. */
const AT_ONCE = 50;

export class DeliveryActors {
  readonly #actors = new Map<Message, ActorRefFrom<typeof deliveryMachine>>();

  constructor(private readonly worker: WorkerActor) {}

  report(message: Message, phase: DeliveryPhase, leased?: Leased): void {
    const actor = this.#actors.get(message) ?? this.#begin(message, phase);
    if (actor === undefined) return;
    if (phase !== 'leasing' || actor.getSnapshot().value !== 'leasing')
      actor.send({ type: `${phase}.entered`, ...subjectOf(leased) });
    if (phase === 'settled') this.#actors.delete(message);
  }

  /** Nobody takes them any more. */
  stop(): void {
    // Their end is told to the worker, which mustn't have ended before.
    const told = this.worker.getSnapshot().status === 'active';
    if (told) for (const actor of this.#actors.values()) actor.send({ type: 'settled.entered' });
    this.#actors.clear();
  }

  /** Only from its first phase on: the machine begins there. */
  #begin(message: Message, phase: DeliveryPhase) {
    if (phase !== 'leasing' || this.#actors.size >= AT_ONCE) return undefined;
    const id = `delivery ${message.run}${message.path}`;
    const actor = createActor(deliveryMachine, { id, parent: this.worker });
    this.#actors.set(message, actor);
    return actor.start();
  }
}

function subjectOf(leased: Leased | undefined) {
  return leased === undefined ? {} : { runId: leased.activation.info.id, task: leased.node.id };
}
