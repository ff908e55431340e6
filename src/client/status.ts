/** What a run is doing, in the words that users see: decided from its row and its open activations. */
import { RunNotFoundError } from '../core/errors.js';
import { type ActivationState, isFinal, isLive, type Path, type RunKey, type SerializedError } from '../core/model.js';
import { comparePaths } from '../core/path.js';
import { decodeRecipe } from '../core/recipe.js';
import type { Tree } from '../core/tree.js';
import { readValue } from '../runtime/values.js';
import type { ActivationView, RunRow } from '../store/store.js';
import type { Connection } from './connection.js';
import { findNode } from './definitions.js';

/** What a run is doing now, or how it ended. */
export type RunStatus<Out = unknown> =
  | { readonly status: 'running' }
  /** Nothing to do before `until`; `node` is the delay. */
  | { readonly status: 'waiting'; readonly node: string; readonly until: Date }
  | { readonly status: 'awaiting_signal'; readonly node: string; readonly signal: string; readonly until?: Date }
  | { readonly status: 'paused'; readonly reason?: string; readonly by?: string }
  | { readonly status: 'completed'; readonly output: Out }
  | { readonly status: 'failed'; readonly error: SerializedError; readonly task: string; readonly attempt: number }
  | { readonly status: 'cancelled'; readonly reason?: string; readonly by?: string };

/** The status without what a completed run came to. */
export type Progress = Exclude<RunStatus, { status: 'completed' }> | { readonly status: 'completed' };

/** Everything but the output of a completed run. */
export function progressOf(row: RunRow, open: readonly ActivationView[], tree: Tree | undefined): Progress {
  switch (row.status) {
    case 'running':
      return whereItStands(open, tree);
    case 'paused':
    case 'cancelled':
      return { status: row.status, ...said(row) };
    case 'completed':
      return { status: 'completed' };
    case 'failed':
      return {
        status: 'failed',
        error: row.error ?? { name: 'Error', message: 'the store says no reason' },
        task: row.failedTask ?? '',
        attempt: row.failedAttempt ?? 0,
      };
  }
}

/** The value that a completed run came to. */
export function outputOf({ reader }: Connection, row: RunRow): Promise<unknown> {
  const { source, recipe } = row.output ?? { source: null, recipe: null };
  return readValue(reader, row.run, { recipe: decodeRecipe(source, recipe), bytes: undefined });
}

/** A run's row and activations that agree: where one says that it has ended, so does the other. */
export interface Snapshot {
  readonly row: RunRow;
  /** All of them, or those that aren't final. */
  readonly activations: readonly ActivationView[];
}

export async function takeSnapshot(
  connection: Connection,
  run: RunKey,
  options: { readonly open?: boolean } = {},
): Promise<Snapshot> {
  const before = await connection.store.activations(run, options);
  // In this order: a run that is under way in its row was so when its activations were read.
  const row = await connection.results.row(run);
  if (row === undefined) throw new RunNotFoundError(run);
  const stale = !isLive(row.status) && before.some(({ state }) => !isFinal(state));
  return { row, activations: stale ? await connection.store.activations(run, options) : before };
}

/** Nothing to do for a worker. A map's element that waits for its turn waits for one that is under way. */
const IDLE: readonly ActivationState[] = ['awaiting_signal', 'delayed', 'joining', 'queued'];

/** The status that a snapshot shows, with the output of a completed run. */
export async function statusOf(connection: Connection, { row, activations }: Snapshot): Promise<RunStatus> {
  const tree = row.status === 'running' ? await connection.definitions.of(row) : undefined;
  const progress = progressOf(
    row,
    activations.filter(({ state }) => !isFinal(state)),
    tree,
  );
  return progress.status === 'completed' ? { ...progress, output: await outputOf(connection, row) } : progress;
}

/** Running if any node is at work or about to be; else the wait for a signal that began first; else the next delay. */
function whereItStands(open: readonly ActivationView[], tree: Tree | undefined): Progress {
  if (!open.every(({ state }) => IDLE.includes(state))) return { status: 'running' };
  const wait = first(
    open.filter(({ state }) => state === 'awaiting_signal'),
    ({ parkedAt }) => parkedAt,
  );
  if (wait !== undefined) {
    const until = wait.dueAt === undefined ? {} : { until: new Date(wait.dueAt) };
    return { status: 'awaiting_signal', node: nameOf(tree, wait.path), signal: wait.signal ?? '', ...until };
  }
  const delay = first(
    open.filter(({ state }) => state === 'delayed'),
    ({ dueAt }) => dueAt,
  );
  if (delay?.dueAt === undefined) return { status: 'running' };
  return { status: 'waiting', node: nameOf(tree, delay.path), until: new Date(delay.dueAt) };
}

function first(
  views: readonly ActivationView[],
  by: (view: ActivationView) => number | undefined,
): ActivationView | undefined {
  const rank = (view: ActivationView) => by(view) ?? Number.POSITIVE_INFINITY;
  return views.reduce<ActivationView | undefined>((best, view) => {
    if (best === undefined || rank(view) < rank(best)) return view;
    return rank(view) === rank(best) && comparePaths(view.path, best.path) < 0 ? view : best;
  }, undefined);
}

/** The node's id; its path where this process can't know the id. */
function nameOf(tree: Tree | undefined, path: Path): string {
  return findNode(tree, path)?.id ?? path;
}

function said({ reason, by }: RunRow): { reason?: string; by?: string } {
  return { ...(reason === undefined ? {} : { reason }), ...(by === undefined ? {} : { by }) };
}
