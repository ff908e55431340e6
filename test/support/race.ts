/**
 * Races that are run many times. The second side begins some milliseconds after the first, or before it: how many is
 * drawn at random around the point where both orders are about equally frequent, which is sought by what the rounds
 * come to. A race fails unless each order occurred in a fair share of its rounds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

export interface Race<Order extends string> {
  /** As many at least; up to three times that while the balance isn't found. */
  readonly rounds: number;
  /** What may come of a round: the first side was first, or the second. */
  readonly orders: readonly [Order, Order];
  /** Rounds under way at a time; default 20, or 10 where there are few. */
  readonly atOnce?: number;
  /** Where the search begins, in ms; default 0. */
  readonly offsetMs?: number;
  /** Sets the stage, lets both sides meet, sees to it that nothing is lost, doubled or wedged, and says who was first. */
  readonly round: (start: Meeting, round: number) => Promise<Order>;
}

/** Begins both sides and answers with how they settled. */
export type Meeting = <A, B>(
  first: () => Promise<A>,
  second: () => Promise<B>,
) => Promise<[PromiseSettledResult<A>, PromiseSettledResult<B>]>;

/** Each order must occur in so many of the rounds. */
const FAIR_SHARE = 0.03;
/** A round is drawn from this far around the balance, in ms. */
const SPREAD_MS = 6;
const STEP_MS = 0.5;
const LONGEST_STEP_MS = 8;

/** Runs the rounds, prints how they ended, and fails unless every order occurred. */
export async function race<Order extends string>(name: string, options: Race<Order>): Promise<void> {
  const { rounds, orders, atOnce = rounds < 200 ? 10 : 20, round } = options;
  const aim = new Aim(options.offsetMs ?? 0);
  const ended: Order[] = [];
  const share = (order: Order): number => ended.filter((one) => one === order).length / ended.length;
  const isFair = (): boolean => orders.every((order) => share(order) >= FAIR_SHARE);
  let begun = 0;
  const lane = async () => {
    while (begun < rounds || (begun < 3 * rounds && !isFair())) {
      const offsetMs = aim.draw();
      const order = await round(meetingAt(offsetMs), begun++);
      ended.push(order);
      aim.learn(offsetMs, order === orders[0]);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const shares = orders.map((order) => `${order} ${Math.round(share(order) * 100)} %`);
  console.log(`${name}, ${ended.length} rounds: ${shares.join(', ')} (balanced at ${aim.balance.toFixed(1)} ms)`);
  for (const order of orders) expect(share(order), order).toBeGreaterThanOrEqual(FAIR_SHARE);
}

/** Seeks the offset at which both orders are about equally frequent. */
class Aim {
  #step = STEP_MS;
  #direction = 0;

  constructor(public balance: number) {}

  draw(): number {
    return this.balance + (Math.random() * 2 - 1) * SPREAD_MS;
  }

  /**
   * The balance lies before an offset at which the first was first, and behind one at which it wasn't. Rounds that were
   * drawn around an older balance say nothing about what lies beyond theirs. The steps grow while one order stays away.
   */
  learn(offsetMs: number, firstWasFirst: boolean): void {
    const direction = firstWasFirst ? -1 : 1;
    if (direction !== this.#direction) this.#step = STEP_MS;
    this.#direction = direction;
    const seen = offsetMs + direction * this.#step;
    if ((seen - this.balance) * direction <= 0) return;
    this.balance = seen;
    this.#step = Math.min(LONGEST_STEP_MS, this.#step * 2);
  }
}

function meetingAt(offsetMs: number): Meeting {
  return (first, second) => Promise.allSettled([after(-offsetMs).then(first), after(offsetMs).then(second)]);
}

async function after(ms: number): Promise<void> {
  if (ms > 0) await sleep(ms);
}
