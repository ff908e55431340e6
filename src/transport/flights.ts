/**
 * Batches on their way to the broker. Each message lands once, with the first outcome that comes; what comes
 * later (the confirm of a message that was given up) is ignored. One timer watches all deadlines.
 */
import { NotConfirmedError } from './errors.js';
import type { PublishOutcome } from './transport.js';

export class Flight {
  readonly landed: Promise<PublishOutcome[]>;
  readonly #outcomes: (PublishOutcome | undefined)[];
  #left: number;
  #resolve!: (outcomes: PublishOutcome[]) => void;

  constructor(
    messages: number,
    /** By `performance.now()`. */
    readonly deadlineAt: number,
    private readonly onLanded: (flight: Flight) => void,
  ) {
    this.#outcomes = new Array(messages);
    this.#left = messages;
    this.landed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  land(index: number, outcome: PublishOutcome): void {
    if (this.#outcomes[index] !== undefined) return;
    this.#outcomes[index] = outcome;
    if (--this.#left > 0) return;
    this.onLanded(this);
    this.#resolve(this.#outcomes as PublishOutcome[]);
  }

  /** Everything that hasn't landed, never will. */
  end(error: Error): void {
    for (let index = 0; index < this.#outcomes.length; index++) this.land(index, { ok: false, error });
  }
}

export class Flights {
  readonly #underWay = new Set<Flight>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** `messages` is at least 1. */
  start(messages: number, deadlineAt: number): Flight {
    const flight = new Flight(messages, deadlineAt, (landed) => this.#underWay.delete(landed));
    this.#underWay.add(flight);
    if (deadlineAt < this.#timerAt) this.#arm(deadlineAt);
    return flight;
  }

  endAll(error: Error): void {
    for (const flight of this.#underWay) flight.end(error);
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#underWay].map((flight) => flight.landed));
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  // Left running when its flight lands: with a steady stream that is one timer per timeout, not one per batch.
  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#sweep(), Math.max(0, at - performance.now()) + 1);
  }

  #sweep(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const flight of this.#underWay) {
      if (flight.deadlineAt <= now) flight.end(new NotConfirmedError('the broker sent no confirm in time'));
      else next = Math.min(next, flight.deadlineAt);
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }
}
