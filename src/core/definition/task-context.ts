/** What a task's function is given besides its input. */
import type { Logger } from '../logger.js';
import type { Json, Path } from '../model.js';

/** What a task's function knows of its run: its last argument, and `getTaskContext()`. */
export interface TaskContext {
  readonly runId: string;
  /** Name of the workflow. */
  readonly workflow: string;
  readonly taskId: string;
  /** Where in the tree this activation stands, iterations and elements included. */
  readonly path: Path;
  /** From 1. */
  readonly attempt: number;
  /** `maxRetries` and the first attempt. */
  readonly maxAttempts: number;
  /** The same for every attempt of one activation, and of no other one ever: give it to whoever must not do a thing twice. */
  readonly idempotencyKey: string;
  /**
   * Fires when what the attempt returns will be discarded. Its reason says why: TaskTimeoutError, RunCancelledError with
   * the reason given, RunFailedError when another branch failed, LeaseLostError, or WorkerStoppedError.
   */
  readonly signal: AbortSignal;
  /** Adds run, workflow, task and attempt to every line. */
  readonly logger: Logger;
  /** The task's. */
  readonly metadata: Json | undefined;
  /** The workflow's. */
  readonly workflowMetadata: Json | undefined;
  /**
   * Keeps `progress` with the next heartbeat, or with the failure of this attempt; the next attempt reads it. Throws
   * CodecError on what isn't JSON, PayloadTooLargeError over 1 MiB.
   */
  heartbeat(progress?: Json): void;
  /** What the attempt before gave to `heartbeat` last. */
  readonly lastProgress?: Json;
}

/** The transaction of a transactional task, or a caller's own: a pg client fits. */
export interface Tx {
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the caller selects, as in pg itself
  query<R = any>(text: string, values?: unknown[]): Promise<{ rows: R[]; rowCount: number | null }>;
}
