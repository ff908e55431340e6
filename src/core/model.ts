/**
 * The nouns that cross layers. Everything here is plain data: no class, no I/O.
 *
 * A *run* is one execution of a workflow. An *activation* is one execution of one node of its tree, named by
 * the run's key and a path. A *lease* is a worker's right to run one activation; a *session* is one worker
 * process as Postgres sees it.
 */

/** Any value that JSON can hold. Metadata and progress are limited to it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Surrogate key of a run (a Postgres bigint, in decimal). Outlives the run's id, which a later run may take. */
export type RunKey = string;

/** Surrogate key of a session (a Postgres bigint, in decimal). */
export type SessionKey = string;

/** Where an activation stands in the tree, iterations and map elements included: `/2/b0/1#3/0`. See `path.ts`. */
export type Path = string;

/** Names one activation for ever: no two runs share a key, and no two activations of a run share a path. */
export interface ActivationRef {
  readonly run: RunKey;
  readonly path: Path;
}

/** 1 is critical, 3 the default, 5 minimal. */
export type Priority = 1 | 2 | 3 | 4 | 5;
export const PRIORITIES: readonly Priority[] = [1, 2, 3, 4, 5];
export const DEFAULT_PRIORITY: Priority = 3;

/**
 * The states of an activation.
 *
 * - `ready`: a message for it is in a queue, or owed to one; any fitting worker may lease it
 * - `leased`: a worker runs it; only that worker's token may change the row
 * - `backing_off`: failed, and waits for its next attempt (a timer is set)
 * - `delayed`: a delay node that waits for its time (a timer is set)
 * - `awaiting_signal`: waits for a signal, and perhaps for a timeout (then a timer is set)
 * - `joining`: a fork or map that waits for `pending` arrivals
 * - `queued`: a map's element that waits for its turn under the map's `concurrency`
 * - `held`: would be ready, but the run is paused
 * - `completed`, `failed`, `cancelled`: final (a retry of the run may reopen the last two)
 */
export type ActivationState =
  | 'ready'
  | 'leased'
  | 'backing_off'
  | 'delayed'
  | 'awaiting_signal'
  | 'joining'
  | 'queued'
  | 'held'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** The stored status of a run. What users see is finer: see `RunStatus`. */
export type StoredRunStatus = 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';

/** Whether the run hasn't ended. */
export const isLive = (status: StoredRunStatus): boolean => status === 'running' || status === 'paused';

/** Whether the activation has ended. */
export const isFinal = (state: ActivationState): boolean =>
  state === 'completed' || state === 'failed' || state === 'cancelled';

/**
 * A queue: ready activations of one workflow structure, one tag set and one priority level.
 * Everything about its name is derived from these fields (see `message.ts`).
 */
export interface QueueSpec {
  readonly workflow: string;
  /** Structure hash of the workflow: 64 hex digits. */
  readonly hash: string;
  /** Sorted, without duplicates; empty for work that any worker of the workflow may take. */
  readonly tags: readonly string[];
  readonly priority: Priority;
}

/** A queue as it stands in the store: `key` is what activation rows carry, `name` is the broker's. */
export interface QueueRow extends QueueSpec {
  readonly key: number;
  readonly name: string;
}

/** What a message says: which activation is ready. A pointer, never a payload. */
export interface Message extends ActivationRef {
  /** When the activation became ready (ms since the epoch, database clock): what ageing counts from. */
  readonly readyAt: number;
  /** When it was stamped for publishing, again where a lost message was replaced (ms, database clock). */
  readonly publishedAt: number;
  /** How often a lease of it ended without a report. Workers run suspects (2 and more) one at a time. */
  readonly losses: number;
  /** W3C trace context of whoever made it ready. */
  readonly traceparent?: string;
}

/** An activation that a statement has just made ready: whoever ran the statement owes its message to `queue`. */
export interface ReadyActivation extends Message {
  /** Key of its queue. */
  readonly queue: number;
}

/** An error as it is stored and shown: `cause` is nested at most 8 deep. */
export interface SerializedError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly cause?: SerializedError;
}
