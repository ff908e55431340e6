/**
 * A frame: one process as it is at a moment, whole. Whoever misses one, or reads slower than they are made, loses
 * nothing but time. It holds names and numbers, never inputs, outputs, errors or addresses.
 */
export interface Frame {
  /** Names the process for as long as it lives; no other has it. */
  readonly process: string;
  readonly host: string;
  readonly pid: number;
  /** When it was taken, in ms since the epoch, like all instants here. */
  readonly at: number;
  readonly actors: readonly ActorView[];
  readonly deliveries: DeliveriesView;
  /** The last of them, oldest first. */
  readonly events: readonly EventView[];
  /** It is the process's last: it takes its leave. */
  readonly left?: true;
}

export interface ActorView {
  /** Names it within its process. */
  readonly key: string;
  readonly id: string;
  /** The id of its machine, such as `worker`. */
  readonly machine: string;
  /** The key of the actor that made it. */
  readonly parent?: string;
  /** Dotted paths of the innermost states that it is in; one, unless the machine has parallel states. */
  readonly states: readonly string[];
  /** Since when. */
  readonly since: number;
  readonly ended: boolean;
  /** What numbers and flags its context holds. */
  readonly facts: Readonly<Record<string, number | boolean>>;
}

export interface DeliveriesView {
  readonly inFlight: number;
  /** Since somebody began to look. */
  readonly settled: number;
  /** The oldest in flight, and what was settled a moment ago. */
  readonly shown: readonly DeliveryView[];
}

export interface DeliveryView {
  readonly key: number;
  readonly worker: string;
  /** The run's id; until it is leased only its key is known. */
  readonly run?: string;
  readonly workflow?: string;
  readonly task?: string;
  readonly path: string;
  readonly attempt?: number;
  readonly phase: string;
  /** When it entered the phase, and when it was first seen. */
  readonly since: number;
  readonly from: number;
}

export interface EventView {
  /** Counts up, without a gap. */
  readonly seq: number;
  readonly at: number;
  /** Whose: the id of an actor. */
  readonly who: string;
  readonly what: string;
}

/** Whether it is one, as far as whoever handles it relies on: others may be of a later version. */
export function isFrame(given: object): given is Frame {
  const { process, actors, events, deliveries } = given as Partial<Frame>;
  return (
    typeof process === 'string' && Array.isArray(actors) && Array.isArray(events) && Array.isArray(deliveries?.shown)
  );
}
