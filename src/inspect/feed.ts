/**
 * Folds what the actors of a process do, and what its deliveries report, into frames. It holds a bounded number of
 * actors and events, however long it runs; deliveries are followed only while somebody looks.
 */
import { type AnyActorRef, type AnyMachineSnapshot, type InspectionEvent, StateMachine } from 'xstate';
import { type DeliveryPhase, deliveryMachine } from '../../machines/delivery.js';
import type { Message } from '../core/model.js';
import type { TaskEvent } from '../runtime/engaged.js';
import type { Leased } from '../runtime/leased.js';
import { eventName } from '../runtime/worker-state.js';
import { Deliveries } from './deliveries.js';
import type { ActorView, EventView, Frame } from './frame.js';

/** Events that a frame holds. */
const EVENTS = 40;
/** Actors that have ended and are still shown. */
const ENDED = 10;

export interface FeedOptions {
  readonly process: Pick<Frame, 'process' | 'host' | 'pid'>;
  /** @default Date.now */
  readonly now?: () => number;
}

export class Feed {
  readonly #process: FeedOptions['process'];
  readonly #now: () => number;
  readonly #actors = new Map<string, ActorView>();
  readonly #events: EventView[] = [];
  readonly #deliveries = new Deliveries();
  readonly #lookers = new Set<() => void>();
  #seq = 0;
  #version = 0;

  constructor({ process, now = Date.now }: FeedOptions) {
    this.#process = process;
    this.#now = now;
  }

  /** Whether anybody looks. */
  get watched(): boolean {
    return this.#lookers.size > 0;
  }

  /** Counts up with every change. */
  get version(): number {
    return this.#version;
  }

  /** Calls back on every change, until the returned function is called. */
  look(changed: () => void): () => void {
    this.#lookers.add(changed);
    return () => {
      this.#lookers.delete(changed);
      if (!this.watched) this.#deliveries.forget();
    };
  }

  frame(): Frame {
    const at = this.#now();
    return {
      ...this.#process,
      at,
      actors: [...this.#actors.values()],
      deliveries: this.#deliveries.view(at),
      events: [...this.#events],
    };
  }

  /** An inspection event of an actor. Actors that aren't machines are steps of one, and only its states are shown. */
  see(event: InspectionEvent): void {
    const { actorRef } = event;
    // Deliveries that were made actors come by themselves, too.
    if (!isMachine(actorRef) || actorRef.logic.id === deliveryMachine.id) return;
    if (event.type === '@xstate.actor') this.#register(actorRef);
    else if (event.type === '@xstate.snapshot')
      this.#move(actorRef, event.snapshot as AnyMachineSnapshot, event.event.type);
  }

  /** A delivery entered a phase. Ignored while nobody looks. */
  deliver(worker: string, message: Message, phase: DeliveryPhase, leased?: Leased): void {
    if (!this.watched) return;
    this.#deliveries.report(worker, message, phase, leased, this.#now());
    this.#changed();
  }

  /** An attempt ended; what went well is seen from the deliveries. */
  task(worker: string, { outcome, workflow, taskId, runId, attempt }: TaskEvent): void {
    if (outcome === 'completed') return;
    this.#note(worker, `task ${taskId} of ${workflow} ${runId}, attempt ${attempt}: ${outcome.replace('_', ' ')}`);
  }

  #register(actor: AnyActorRef & MachineActor): void {
    const parent = (actor as { _parent?: AnyActorRef })._parent;
    const view = { key: actor.sessionId, id: actor.id, machine: actor.logic.id, since: this.#now() };
    this.#actors.set(actor.sessionId, {
      ...view,
      ...(parent === undefined ? {} : { parent: parent.sessionId }),
      // It is only being made, and can't be asked; the snapshot that it begins with is told next.
      states: [],
      ended: false,
      facts: {},
    });
    this.#changed();
  }

  #move(actor: AnyActorRef & MachineActor, snapshot: AnyMachineSnapshot, event: string): void {
    const before = this.#actors.get(actor.sessionId);
    if (before === undefined) return;
    const after = stateOf(snapshot);
    const moved = before.states.join() !== after.states.join();
    this.#actors.set(actor.sessionId, { ...before, ...after, since: moved ? this.#now() : before.since });
    if (moved && before.states.length > 0)
      this.#note(actor.id, `${before.states.join(', ')} → ${after.states.join(', ')} on ${eventName(event)}`);
    if (after.ended) this.#forgetEnded();
    this.#changed();
  }

  #note(who: string, what: string): void {
    this.#events.push({ seq: ++this.#seq, at: this.#now(), who, what });
    if (this.#events.length > EVENTS) this.#events.shift();
    this.#changed();
  }

  #forgetEnded(): void {
    const ended = [...this.#actors.values()].filter((actor) => actor.ended);
    for (const { key } of ended.slice(0, -ENDED)) this.#actors.delete(key);
  }

  #changed(): void {
    this.#version++;
    for (const changed of this.#lookers) changed();
  }
}

interface MachineActor {
  readonly logic: { readonly id: string };
}

function isMachine(actor: unknown): actor is AnyActorRef & MachineActor {
  return (actor as { logic?: unknown }).logic instanceof StateMachine;
}

function stateOf({ value, status, context }: AnyMachineSnapshot): Pick<ActorView, 'states' | 'ended' | 'facts'> {
  const facts = Object.entries(context as object).filter(([, fact]) => ['number', 'boolean'].includes(typeof fact));
  return { states: pathsOf(value), ended: status !== 'active', facts: Object.fromEntries(facts) };
}

type StateValue = AnyMachineSnapshot['value'];

function pathsOf(value: StateValue): string[] {
  if (typeof value === 'string') return [value];
  return Object.entries(value as Record<string, StateValue>).flatMap(([key, inner]) =>
    pathsOf(inner).map((path) => (path === '' ? key : `${key}.${path}`)),
  );
}
