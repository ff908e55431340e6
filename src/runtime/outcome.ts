/** What one activation is run with, and what that can come to. */
import type { TaskContext } from '../core/flow.js';
import type { Recipe } from '../core/recipe.js';
import type { Node } from '../core/tree.js';
import type { LeasedActivation, TaskTransaction } from '../store/store.js';
import type { ValueReader } from './values.js';

export type Outcome =
  /** It has a value; `recipe` is how later nodes refer to it, `output` its bytes where it is an own output. */
  | {
      readonly kind: 'completed';
      readonly value: unknown;
      readonly recipe: Recipe;
      readonly output?: Uint8Array;
      /** Open, with what the task wrote: committed together with the completion. */
      readonly transaction?: TaskTransaction;
    }
  /** A route chose the branch with this index; its own output is the key. */
  | { readonly kind: 'routed'; readonly branch: number; readonly output: Uint8Array }
  /** A map's list, to be expanded. */
  | { readonly kind: 'listed'; readonly list: readonly unknown[] }
  /** A map element's gate opens; its own output is the element. */
  | { readonly kind: 'opened'; readonly output: Uint8Array }
  | {
      readonly kind: 'failed';
      readonly error: unknown;
      readonly final: boolean;
      readonly timedOut: boolean;
      readonly retryAfterMs?: number;
    }
  /** The lease was lost or given up: nothing is recorded. */
  | { readonly kind: 'aborted'; readonly reason: unknown };

export type Failed = Extract<Outcome, { kind: 'failed' }>;

export interface Execution {
  readonly activation: LeasedActivation;
  readonly node: Node;
  readonly reader: ValueReader;
  /** Aborted when the lease is lost or given up. */
  readonly control: AbortSignal;
  /** The context without its signal, which the attempt makes. */
  readonly context: Omit<TaskContext, 'signal'>;
  /** Opens a transaction for the task; undefined when the lease was lost before its turn came. */
  readonly begin: () => Promise<TaskTransaction | undefined>;
  /** Whether a node that passes its input on has to look at it (the end of a loop's body does). */
  readonly looksAtValue: boolean;
}
