/** Tasks: a function of the user's with an id and a policy. */
import { InvalidDefinitionError } from '../errors.js';
import { checkName } from '../names.js';
import type { TaskPolicy } from '../tree.js';
import { type TaskOptions, toPolicy, toVersion } from './policy.js';
import type { TaskContext, Tx } from './task-context.js';

/** What a task runs. Its input is what the node before returned; what it returns is the output. */
export type TaskFunction<In, Out> = (input: In, ctx: TaskContext) => Out | Promise<Out>;
/** What a task with a transaction runs: `tx` commits together with what it returns. */
export type TransactionFunction<In, Out> = (input: In, tx: Tx, ctx: TaskContext) => Out | Promise<Out>;

interface TaskBase {
  readonly kind: 'task';
  readonly id: string;
  readonly version?: string;
  readonly policy: TaskPolicy;
}

// biome-ignore-start lint/suspicious/noExplicitAny: a task of whatever types
/** A task, made by `task()`. */
export interface Task<In = any, Out = any> extends TaskBase {
  readonly transactional: false;
  /** The bare function, for unit tests. */
  readonly fn: TaskFunction<In, Out>;
}

/** A task whose writes through `tx` are committed together with its completion. */
export interface TransactionTask<In = any, Out = any> extends TaskBase {
  readonly transactional: true;
  /** The bare function, for unit tests. */
  readonly fn: TransactionFunction<In, Out>;
}

/** A task of either kind. */
export type AnyTask<In = any, Out = any> = Task<In, Out> | TransactionTask<In, Out>;
// biome-ignore-end lint/suspicious/noExplicitAny: a task of whatever types

/**
 * Makes a task.
 *
 * @param id unique within its workflow: 1 to 64 of A-Z a-z 0-9 _ -
 * @param fn runs at least once, and exactly once when nothing fails; `ctx.idempotencyKey` is the same each time
 * @throws InvalidDefinitionError, InvalidDurationError
 */
export function task<In, Out>(id: string, fn: TaskFunction<In, Out>, options: TaskOptions = {}): Task<In, Out> {
  return Object.freeze({ ...described(id, fn, options), transactional: false, fn });
}

/**
 * Makes a task with a Postgres transaction of its own: what it writes through `tx` is committed together with its
 * completion, so exactly once. Workers in memory refuse it.
 *
 * @throws InvalidDefinitionError, InvalidDurationError
 */
task.transaction = <In, Out>(
  id: string,
  fn: TransactionFunction<In, Out>,
  options: TaskOptions = {},
): TransactionTask<In, Out> => Object.freeze({ ...described(id, fn, options), transactional: true, fn });

export function isTask(value: unknown): value is AnyTask {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'task' && 'fn' in value;
}

function described(id: string, fn: unknown, options: TaskOptions): TaskBase {
  checkName(id, 'id of a task');
  checkFunction(fn, `task ${id}`);
  const version = toVersion(options.version, `task ${id}`);
  return { kind: 'task', id, policy: toPolicy(options, `task ${id}`), ...(version === undefined ? {} : { version }) };
}

export function checkFunction(fn: unknown, where: string): void {
  if (typeof fn !== 'function') throw new InvalidDefinitionError(`${where} needs a function, not ${typeof fn}`);
}
