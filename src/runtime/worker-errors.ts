/** How a worker says that it can't, and how it ended. */
import { BatonError } from '../core/errors.js';

/** The worker isn't in a state for it; a worker that has ended can't be started again, make another. */
export class WorkerStateError extends BatonError {
  constructor(
    readonly workerId: string,
    readonly state: string,
    what: string,
  ) {
    super('WORKER_STATE', `worker ${workerId} can't ${what}: it is ${state}`);
  }
}

/** The worker was told to stop: why `start()` never came to `running`, and the reason of its tasks' AbortSignals. */
export class WorkerStoppedError extends BatonError {
  constructor(
    readonly workerId: string,
    readonly reason?: string,
  ) {
    super('WORKER_STOPPED', `worker ${workerId} was told to stop${reason === undefined ? '' : `: ${reason}`}`);
  }
}

/** A start-up was given up because of its `startupTimeout`. */
export class StartupTimeoutError extends BatonError {
  constructor(
    readonly workerId: string,
    readonly timeoutMs: number,
  ) {
    super(
      'STARTUP_TIMEOUT',
      `worker ${workerId} wasn't running within its startupTimeout of ${timeoutMs} ms; are the services up, and are the hooks done in that time?`,
    );
  }
}

/** A critical check failed while the worker started. Mend what it asks for, or make it `critical: false`. */
export class CheckFailedError extends BatonError {
  constructor(
    readonly workerId: string,
    readonly check: string,
    error: string,
  ) {
    super('CHECK_FAILED', `worker ${workerId} doesn't start: its critical check ${check} is failing (${error})`);
  }
}

/** What a failed start-up rejects with: the first error itself, the others as (part of) its cause. */
export function startupError(errors: readonly unknown[]): Error {
  const [first, ...others] = errors.map(asError) as [Error, ...Error[]];
  if (others.length === 0) return first;
  const causes = first.cause === undefined ? others : [asError(first.cause), ...others];
  const cause = causes.length === 1 ? causes[0] : new AggregateError(causes, 'and more while it was unwound');
  const attached = Reflect.defineProperty(first, 'cause', { value: cause, configurable: true, writable: true });
  return attached ? first : new AggregateError([first, ...others], first.message);
}

/** What a stop rejects with in which something failed. */
export function stopError(workerId: string, errors: readonly unknown[]): AggregateError {
  const said = errors.map((error) => asError(error).message).join('; ');
  return new AggregateError(errors, `worker ${workerId} stopped with errors: ${said}`);
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
