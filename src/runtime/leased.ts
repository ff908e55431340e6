/** What the steps of a delivery hand on: the activation in hand, and what is left to do once it is settled. */
import type { ReadyActivation } from '../core/model.js';
import type { Node, Tree } from '../core/tree.js';
import type { LeasedActivation } from '../store/store.js';
import type { Held } from './leases.js';

/** An activation that this process has leased, with what the tree says about it. */
export interface Leased {
  readonly activation: LeasedActivation;
  readonly held: Held;
  readonly tree: Tree;
  readonly node: Node;
  /** By `performance.now()`. */
  readonly startedAt: number;
  /** How often its transaction was given up, through nobody's fault. */
  readonly undone: number;
}

/** What a settled activation leaves to do: messages to publish, and a successor that was leased with the commit. */
export interface Settled {
  readonly ready: readonly ReadyActivation[];
  readonly next?: LeasedActivation;
  /** Nothing was recorded and nothing is left of it: the task runs once more, under the same lease. */
  readonly again?: true;
}

export const NOTHING_TO_DO: Settled = { ready: [] };
export const AGAIN: Settled = { ready: [], again: true };
