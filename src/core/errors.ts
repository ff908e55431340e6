/** Every error that Baton throws. `code` is stable; the message says what to do. */

import { BatonError } from './baton-error.js';
import { type Duration, toMs } from './duration.js';

export { BatonError } from './baton-error.js';
export { InvalidDurationError } from './duration.js';

// ------------------------------------------------------------------------------------------ definitions

/** A workflow can't be built as it is written; the message names the node. */
export class InvalidDefinitionError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_DEFINITION', message, options);
  }
}

/** An option or a combination of options can't be used; the message names it. */
export class ConfigError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}

/** A run's structure isn't the one that the caller has: use the module that started it, or a handle without one. */
export class DefinitionMismatchError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('DEFINITION_MISMATCH', message, options);
  }
}

// ------------------------------------------------------------------------------------------------- runs

/** Another run has the id. Choose another id, or a `conflict` policy. */
export class RunExistsError extends BatonError {
  constructor(
    readonly runId: string,
    readonly workflow: string,
    status: string,
  ) {
    super(
      'RUN_EXISTS',
      `a run of ${workflow} has the id ${JSON.stringify(runId)} already (${status}); choose another id, or start with conflict: 'use_existing' or 'terminate_existing'`,
    );
  }
}

/** No run of the namespace has the id now. */
export class RunNotFoundError extends BatonError {
  constructor(readonly runId: string) {
    super('RUN_NOT_FOUND', `there is no run ${JSON.stringify(runId)} in this namespace`);
  }
}

/** The run has ended: control has nothing to act on. */
export class RunTerminalError extends BatonError {
  constructor(
    readonly runId: string,
    readonly status: string,
    what: string,
  ) {
    super('RUN_TERMINAL', `can't ${what} run ${JSON.stringify(runId)}: it is ${status}`);
  }
}

/** The run failed. `cause` is an Error with the original's name, message, stack and code. */
export class RunFailedError extends BatonError {
  constructor(
    readonly runId: string,
    readonly task: string | undefined,
    readonly attempt: number | undefined,
    cause: Error,
  ) {
    const where = task === undefined ? '' : ` in ${task}${attempt === undefined ? '' : `, attempt ${attempt}`}`;
    super('RUN_FAILED', `run ${runId} failed${where}: ${cause.message}`, { cause });
  }
}

/** The run was cancelled, so there is no result. */
export class RunCancelledError extends BatonError {
  constructor(
    readonly runId: string,
    readonly reason?: string,
    readonly by?: string,
  ) {
    const who = by === undefined ? '' : ` by ${by}`;
    super('RUN_CANCELLED', `run ${runId} was cancelled${who}${reason === undefined ? '' : `: ${reason}`}`);
  }
}

/** Only a failed run can be retried. */
export class RunNotFailedError extends BatonError {
  constructor(
    readonly runId: string,
    readonly status: string,
  ) {
    super('RUN_NOT_FAILED', `run ${JSON.stringify(runId)} is ${status}; only a failed run can be retried`);
  }
}

/** The run didn't end within the time given to `result()`. It goes on; ask again. */
export class ResultTimeoutError extends BatonError {
  constructor(
    readonly runId: string,
    readonly timeoutMs: number,
  ) {
    super('RESULT_TIMEOUT', `run ${runId} hasn't ended within ${timeoutMs} ms; it goes on, ask for its result again`);
  }
}

/** What a task did with its own transaction can't be committed. Retried as its policy says. */
export class TaskTransactionError extends BatonError {
  constructor(why: string, options?: ErrorOptions) {
    super('TASK_TRANSACTION', `the task's transaction can't be committed: ${why}`, options);
  }
}

// --------------------------------------------------------------------------------------------- payloads

/** A value is larger than what is stored. Keep large things elsewhere and pass a reference. A retry can't help. */
export class PayloadTooLargeError extends BatonError {
  constructor(
    /** What it is: "output of charge". */
    readonly where: string,
    /** How much it takes, encoded. */
    readonly bytes: number,
    readonly limit: number,
  ) {
    super(
      'PAYLOAD_TOO_LARGE',
      `the ${where} takes ${bytes} bytes, more than ${limit}; keep it elsewhere and pass a reference`,
    );
  }
}

/** The codec can't write or read a value. */
export class CodecError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('CODEC', message, options);
  }
}

/** One thing that is wrong with a value. */
export interface ValidationIssue {
  readonly message: string;
  /** Keys from the value's root; empty for the value itself. */
  readonly path: readonly string[];
}

/** A value doesn't fit the schema that its definition gives. A retry can't help. */
export class ValidationError extends BatonError {
  constructor(
    /** What it is: "input of task charge". */
    readonly where: string,
    readonly issues: readonly ValidationIssue[],
  ) {
    const said = issues.map(({ message, path }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
    super('VALIDATION', `the ${where} is not valid: ${said.join('; ')}`);
  }
}

// ------------------------------------------------------------------------------------------------ tasks

/** Thrown by a task: this failure is final, whatever its retry policy says. */
export class NonRetryableError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('NON_RETRYABLE', message, options);
  }
}

/** Thrown by a task: try again after `delay`. Counts as a retry, so with none left the run fails. */
export class RetryAfterError extends BatonError {
  readonly delayMs: number;
  constructor(delay: Duration, message?: string, options?: ErrorOptions) {
    super('RETRY_AFTER', message ?? `retry after ${delay}`, options);
    this.delayMs = toMs(delay);
  }
}

/** An attempt took longer than the task's `timeout`. */
export class TaskTimeoutError extends BatonError {
  constructor(
    readonly taskId: string,
    readonly timeoutMs: number,
  ) {
    super('TASK_TIMEOUT', `task ${taskId} took longer than its timeout of ${timeoutMs} ms`);
  }
}

/** The reason of a task's AbortSignal when its lease is gone: what it returns is discarded. */
export class LeaseLostError extends BatonError {
  constructor(why: string, options?: ErrorOptions) {
    super('LEASE_LOST', `the lease is lost: ${why}; what the task returns is discarded`, options);
  }
}

/** Worker after worker died, or lost sight of its lease, while running it. */
export class PoisonedError extends BatonError {
  constructor(
    readonly taskId: string,
    readonly losses: number,
  ) {
    super('POISONED', `${losses} workers died running ${taskId}; find out why before starting it again`);
  }
}

/** The key that a route came to has no branch: add one, or a default branch. A retry can't help. */
export class UnmatchedRouteError extends BatonError {
  constructor(
    readonly routeId: string,
    readonly key: string,
  ) {
    super('UNMATCHED_ROUTE', `route ${routeId} has no branch ${JSON.stringify(key)} and no default branch`);
  }
}

/** A loop wasn't done after its last iteration. */
export class MaxIterationsError extends BatonError {
  constructor(
    readonly loopId: string,
    readonly maxIterations: number,
  ) {
    super(
      'MAX_ITERATIONS',
      `loop ${loopId} ran ${maxIterations} times without being done; raise maxIterations, or set onMax: 'exit_with_last'`,
    );
  }
}

/** The body of a loop returned something that says neither `again` nor `done`. */
export class LoopVerdictError extends BatonError {
  constructor(readonly loopId: string) {
    super('LOOP_VERDICT', `the body of loop ${loopId} must end in LoopResult.again(value) or LoopResult.done(value)`);
  }
}

/** A map was given something that is no list. A retry can't help. */
export class MapInputError extends BatonError {
  constructor(
    readonly mapId: string,
    got: unknown,
  ) {
    const what = got === null ? 'null' : typeof got === 'object' ? (got.constructor?.name ?? 'an object') : typeof got;
    super('MAP_INPUT', `map ${mapId} needs a list, and the node before it returned ${what}`);
  }
}

// ---------------------------------------------------------------------------------------------- services

/** A service can't be reached or refused the connection. `target` never holds a password. */
export class ConnectionError extends BatonError {
  constructor(
    readonly service: string,
    readonly target: string,
    options?: ErrorOptions,
  ) {
    const cause =
      options?.cause instanceof Error ? `: ${options.cause.message || (options.cause as { code?: string }).code}` : '';
    super(
      'CONNECTION',
      `no connection to ${service} at ${target}${cause}; is it running, and are host, port and credentials right?`,
      options,
    );
  }
}
