/** What a task's function sees of its run: the `ctx` argument, and `getTaskContext()` further down the call. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TaskContext } from '../core/flow.js';

const storage = new AsyncLocalStorage<TaskContext>();

/**
 * The context of the task that is running here, also in functions that it calls; undefined outside of one.
 *
 * @example
 * const { idempotencyKey } = getTaskContext() ?? {};
 */
export function getTaskContext(): TaskContext | undefined {
  return storage.getStore();
}

const withTransaction = new WeakSet<object>();

/** Whether this is called from within a task whose transaction is open. */
export function insideTransaction(): boolean {
  const context = storage.getStore();
  return context !== undefined && withTransaction.has(context);
}

/** Says of a task whether it has one open. */
export function markTransaction(context: object, open: boolean): void {
  if (open) withTransaction.add(context);
  else withTransaction.delete(context);
}

export function runInContext<T>(context: TaskContext, work: () => T): T {
  return storage.run(context, work);
}
