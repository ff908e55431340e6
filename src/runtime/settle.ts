/** From an outcome to what is recorded: the tree decides, the store writes, and what is owed comes back. */
import { advance, advanceRoute, type Effects, elementSuffix, openGate } from '../core/advance.js';
import { BatonError, TaskTransactionError } from '../core/errors.js';
import { decodeRecipe, encodeRecipe } from '../core/recipe.js';
import { type MapNode, nodeAt } from '../core/tree.js';
import {
  type ActivationRow,
  type CommitResult,
  type Completion,
  type LeasedActivation,
  StoreRejectedError,
} from '../store/store.js';
import type { Engaged } from './engaged.js';
import { expandMap } from './expand-map.js';
import { AGAIN, type Leased, NOTHING_TO_DO, type Settled } from './leased.js';
import type { Failed, Outcome } from './outcome.js';
import { persist } from './persist.js';
import { queueOf } from './queues.js';
import { recordFailure } from './record-failure.js';
import { report } from './report.js';
import { rowsFor } from './rows.js';
import { commitTransaction } from './transaction.js';

type Completed = Extract<Outcome, { kind: 'completed' | 'routed' | 'opened' }>;
type Committed = Extract<CommitResult, { kind: 'committed' }>;

/** Records the outcome under the lease, which ends with it. Rejects only when the session or the worker ends. */
export async function settle(leased: Leased, outcome: Outcome, engaged: Engaged, hop: number): Promise<Settled> {
  const { held } = leased;
  try {
    const settled = await record(leased, outcome, engaged, hop);
    // Given up by the worker, the lease stays ours until it is handed back with the rest.
    if (outcome.kind !== 'aborted' && settled.again !== true) engaged.leases.settle(held.number);
    return settled;
  } catch (error) {
    if (outcome.kind === 'completed') await outcome.transaction?.rollback();
    const final = error instanceof StoreRejectedError;
    if (!final && !(error instanceof TaskTransactionError)) throw error;
    const settled = await recordFailure(leased, { kind: 'failed', error, final, timedOut: false }, engaged);
    engaged.leases.settle(held.number);
    return settled;
  }
}

async function record(leased: Leased, outcome: Outcome, engaged: Engaged, hop: number): Promise<Settled> {
  switch (outcome.kind) {
    case 'aborted':
      report(leased, engaged, 'lost');
      return NOTHING_TO_DO;
    case 'failed':
      return recordFailure(leased, outcome, engaged);
    case 'listed': {
      const expanded = await expandMap(leased, outcome.list, engaged);
      if (expanded.kind === 'failed') return recordFailure(leased, expanded, engaged);
      if (expanded.kind === 'empty') return recordCompletion(leased, expanded.outcome, engaged, hop);
      if (expanded.kind === 'lost') report(leased, engaged, 'lost');
      return { ready: expanded.ready };
    }
    case 'completed':
    case 'routed':
    case 'opened':
      return recordCompletion(leased, outcome, engaged, hop);
  }
}

type Decided = { readonly effects: Effects; readonly output: Uint8Array | undefined } | Failed;

async function recordCompletion(leased: Leased, outcome: Completed, engaged: Engaged, hop: number): Promise<Settled> {
  const decided = decide(leased, outcome);
  const transaction = outcome.kind === 'completed' ? outcome.transaction : undefined;
  if ('kind' in decided) {
    await transaction?.rollback();
    return recordFailure(leased, decided, engaged);
  }
  const { effects, output } = decided;
  const rows = await persist(engaged.settling, () => rowsFor(leased.activation.info, effects.activate, engaged.queues));
  const eager = eagerNumber(leased, effects, engaged, hop);
  const activate = eager === undefined ? rows : rows.map((row) => ({ ...row, leaseNumber: eager }));
  const completion = completionOf(leased, effects, output, activate);
  const result = await commit(eager, engaged, () =>
    transaction === undefined
      ? persist(engaged.settling, (repeat) => engaged.leases.commit(completion, repeat))
      : commitTransaction(transaction, completion, leased, engaged),
  );
  if (result === 'again') return AGAIN;
  if (result.kind === 'lost') {
    report(leased, engaged, 'lost');
    return NOTHING_TO_DO;
  }
  report(leased, engaged, 'completed');
  follow(rows, result, engaged);
  const [row] = rows;
  if (result.leased === undefined || eager === undefined || row === undefined) return { ready: result.ready };
  return { ready: result.ready, next: successor(leased, row, output, eager, result.readyAt ?? 0) };
}

/** What the tree says; an error of the tree (a loop without a verdict …) is the activation's final failure. */
function decide({ tree, activation }: Leased, outcome: Completed): Decided {
  const { path } = activation;
  try {
    if (outcome.kind === 'opened') return { effects: openGate(tree, path), output: outcome.output };
    const input = decodeRecipe(activation.source, activation.recipe);
    if (outcome.kind === 'routed')
      return { effects: advanceRoute(tree, path, input, outcome.branch), output: outcome.output };
    return { effects: advance(tree, path, outcome.recipe, outcome.value), output: outcome.output };
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    return { kind: 'failed', error, final: true, timedOut: false };
  }
}

function completionOf(
  { activation, tree }: Leased,
  effects: Effects,
  output: Uint8Array | undefined,
  activate: ActivationRow[],
): Completion {
  const { run, path, number } = activation;
  const { arrive, finish } = effects;
  return {
    run,
    path,
    number,
    activate,
    ...(output === undefined ? {} : { output }),
    ...(finish === undefined ? {} : { finish: encodeRecipe(finish) }),
    ...(arrive === undefined
      ? {}
      : {
          arrive: {
            join: arrive.join,
            slot: arrive.slot,
            result: arrive.result === undefined ? null : JSON.stringify(arrive.result),
            ...(arrive.releasesNext
              ? { release: { suffix: elementSuffix(nodeAt(tree.root, arrive.join) as MapNode) } }
              : {}),
          },
        }),
  };
}

/** The commit leases the successor too, where there is just one, this worker can run it, and nothing is more urgent. */
function eagerNumber({ activation }: Leased, effects: Effects, engaged: Engaged, hop: number): number | undefined {
  const [only, another] = effects.activate;
  if (only === undefined || another !== undefined || only.state !== 'ready') return undefined;
  const { tags, priority } = queueOf(activation.info, only.node);
  const wanted = hop < engaged.eagerHops && engaged.registry.fitsTags(tags) && !engaged.urgentWaits(priority);
  return wanted ? engaged.leases.take() : undefined;
}

/** The number of an eager lease that wasn't made is settled. */
async function commit<Result extends CommitResult | 'again'>(
  eager: number | undefined,
  engaged: Engaged,
  send: () => Promise<Result>,
): Promise<Result> {
  let leased = false;
  try {
    const result = await send();
    leased = result !== 'again' && result.kind === 'committed' && result.leased !== undefined;
    return result;
  } finally {
    if (eager !== undefined && !leased) engaged.leases.settle(eager);
  }
}

/** Timers that were set with it, and whom to tell. */
function follow(rows: readonly ActivationRow[], result: Committed, engaged: Engaged): void {
  for (const { dueInMs } of rows) if (dueInMs !== undefined) engaged.dueIn(dueInMs);
  if (result.ended !== undefined) engaged.ended(result.ended);
}

/** The successor that the commit leased, with its input at hand where it is what was just produced or read. */
function successor(
  { activation }: Leased,
  row: ActivationRow,
  output: Uint8Array | undefined,
  number: number,
  readyAt: number,
): LeasedActivation {
  const { run, path, info, bytes, source } = activation;
  const known = row.source === path ? output : row.source !== null && row.source === source ? bytes : undefined;
  return {
    run,
    path: row.path,
    number,
    info,
    attempt: 1,
    losses: 0,
    source: row.source,
    recipe: row.recipe,
    bytes: known,
    pending: null,
    cursor: 0,
    readyAt,
    progress: null,
  };
}
