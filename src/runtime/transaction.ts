/**
 * Tasks with a transaction of their own: opened before the task runs, committed together with its completion, rolled
 * back with anything else. Where nobody knows how the commit ended, the store is asked; if it wasn't recorded, the
 * task runs again under the same lease, for then nothing of it is left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskTransactionError } from '../core/errors.js';
import type { Tx } from '../core/flow.js';
import { type Sequence, sequencesOf } from '../core/tree.js';
import {
  type CommitResult,
  type Completion,
  SessionDeadError,
  StoreRejectedError,
  type TaskTransaction,
} from '../store/store.js';
import { markTransaction } from './context.js';
import type { Engaged } from './engaged.js';
import type { Leased } from './leased.js';
import { limits } from './limits.js';
import type { Execution, Outcome } from './outcome.js';
import { persist } from './persist.js';
import { type QueueDirectory, queueOf } from './queues.js';

/** Runs the task in a transaction, which stays open where it completed. */
export async function inTransaction(execution: Execution, run: (tx: Tx) => Promise<Outcome>): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const transaction = await execution.begin();
    if (transaction === undefined) return { kind: 'aborted', reason: execution.control.reason };
    markTransaction(execution.context, true);
    const outcome = await run(transaction.tx);
    markTransaction(execution.context, false);
    if (outcome.kind === 'completed') return { ...outcome, transaction };
    await transaction.rollback();
    const again = outcome.kind === 'failed' && !outcome.timedOut && transaction.blameless(outcome.error);
    if (!again || tries === limits.transactionTries) return outcome;
    await breathe();
  }
}

/** Opens the transaction of a task. While one is open on a store that has but one session, nothing else is asked of it. */
export async function begin(
  { tree, activation, held }: Leased,
  { leases, queues, settling }: Engaged,
): Promise<TaskTransaction | undefined> {
  const { store } = leases;
  if (store.transactions === 'exclusive')
    await persist(settling, () => ensureQueues(tree.root, activation.info, queues));
  return persist(settling, () => store.beginTask(held.control.signal));
}

/** Commits it with the completion; 'again': nothing of it is left, and the task has to run once more. */
export async function commitTransaction(
  transaction: TaskTransaction,
  completion: Completion,
  { undone }: Leased,
  { leases, settling }: Engaged,
): Promise<CommitResult | 'again'> {
  try {
    const result = await transaction.commit(leases.session, completion);
    if (result.kind !== 'undone') return result;
    if (undone + 1 >= limits.transactionTries)
      throw new TaskTransactionError('Postgres gave it up time and again', { cause: result.error });
  } catch (error) {
    if (
      error instanceof SessionDeadError ||
      error instanceof StoreRejectedError ||
      error instanceof TaskTransactionError
    )
      throw error;
    settling.failed(error);
    const recorded = await persist(settling, () => leases.store.recorded(leases.session, completion));
    settling.recovered();
    if (recorded !== undefined) return recorded;
  }
  await breathe();
  return 'again';
}

async function ensureQueues(
  sequence: Sequence,
  run: Parameters<typeof queueOf>[0],
  queues: QueueDirectory,
): Promise<void> {
  for (const node of sequence) {
    await queues.ensure(queueOf(run, node));
    for (const body of sequencesOf(node)) await ensureQueues(body, run, queues);
  }
}

/** Whoever was in the way has a moment to finish. */
async function breathe(): Promise<void> {
  await sleep(limits.retryMinMs * Math.random());
}
