/** Runs, newest first, a page at a time. */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../core/errors.js';
import type { Json, Priority, StoredRunStatus } from '../core/model.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import type { ListQuery, RunRow } from '../store/store.js';
import type { Connection } from './connection.js';
import { type Progress, progressOf, takeSnapshot } from './status.js';

/** Which runs are listed; a run has to fit all that is given. All runs when nothing is. */
export interface ListFilter {
  readonly workflow?: string;
  /** `running` takes in the runs that wait for a time or a signal; their summaries say so. */
  readonly status?: StoredRunStatus;
  /** Runs whose metadata holds all of this: `{ tenant: 'a' }` fits `{ tenant: 'a', region: 'eu' }`. */
  readonly metadata?: Json;
  /** Created at or after; a Date, or ms since the epoch. */
  readonly since?: Date | number;
  /** Created before. */
  readonly until?: Date | number;
  /** At most so many runs; all when left out. */
  readonly limit?: number;
}

/** One run of a list. */
export interface RunSummary {
  readonly id: string;
  readonly workflow: string;
  readonly hash: string;
  readonly status: Progress['status'];
  /** Where a waiting run waits, or a failed one failed. */
  readonly node?: string;
  readonly signal?: string;
  readonly until?: Date;
  readonly priority: Priority;
  readonly metadata: Json | undefined;
  readonly createdAt: Date;
  readonly finishedAt?: Date;
}

const PAGE = 100;
const KEYS = ['workflow', 'status', 'metadata', 'since', 'until', 'limit'];
const STATUSES: readonly StoredRunStatus[] = ['running', 'paused', 'completed', 'failed', 'cancelled'];

/** Throws a ConfigError on a filter that can't be one. */
export function listRuns(connection: Connection, filter: ListFilter = {}): AsyncIterable<RunSummary> {
  const { limit = Number.POSITIVE_INFINITY } = filter;
  const query = queryOf(filter);
  return { [Symbol.asyncIterator]: () => summaries(connection, query, filter.metadata, limit) };
}

async function* summaries(
  connection: Connection,
  query: Omit<ListQuery, 'limit'>,
  metadata: Json | undefined,
  limit: number,
): AsyncGenerator<RunSummary> {
  let left = limit;
  let before: string | undefined;
  while (left > 0) {
    const rows = await connection.store.listRuns({
      ...query,
      ...(before === undefined ? {} : { before }),
      limit: PAGE,
    });
    const fitting = rows.filter((row) => metadata === undefined || contains(metadataOf(row), metadata)).slice(0, left);
    for (const summary of await Promise.all(fitting.map((row) => summarize(connection, row)))) yield summary;
    left -= fitting.length;
    before = rows.at(-1)?.run;
    if (rows.length < PAGE) return;
  }
}

async function summarize(connection: Connection, listed: RunRow): Promise<RunSummary> {
  const { row, progress } = await whereItStands(connection, listed);
  const { id, workflow, hash, priority, createdAt, finishedAt } = row;
  return {
    id,
    workflow,
    hash,
    status: progress.status,
    ...('node' in progress ? { node: progress.node } : {}),
    ...('task' in progress ? { node: progress.task } : {}),
    ...('signal' in progress ? { signal: progress.signal } : {}),
    ...('until' in progress ? { until: progress.until } : {}),
    priority,
    metadata: metadataOf(row),
    createdAt: new Date(createdAt),
    ...(finishedAt === undefined ? {} : { finishedAt: new Date(finishedAt) }),
  };
}

async function whereItStands(connection: Connection, listed: RunRow): Promise<{ row: RunRow; progress: Progress }> {
  if (listed.status !== 'running') return { row: listed, progress: progressOf(listed, [], undefined) };
  const { row, activations } = await takeSnapshot(connection, listed.run, { open: true });
  const tree = row.status === 'running' ? await connection.definitions.of(row) : undefined;
  return { row, progress: progressOf(row, activations, tree) };
}

function queryOf({ workflow, status, since, until, limit, ...rest }: ListFilter): Omit<ListQuery, 'limit'> {
  refuseUnknown({ ...rest }, KEYS, 'list()');
  if (status !== undefined && !STATUSES.includes(status)) {
    throw new ConfigError(`status is one of ${STATUSES.join(', ')}, not ${JSON.stringify(status)}`);
  }
  if (limit !== undefined && !(limit >= 0)) throw new ConfigError(`limit is a number from 0, not ${String(limit)}`);
  return {
    ...(workflow === undefined ? {} : { workflow }),
    ...(status === undefined ? {} : { status }),
    ...(since === undefined ? {} : { since: instant(since, 'since') }),
    ...(until === undefined ? {} : { until: instant(until, 'until') }),
  };
}

function instant(at: Date | number, name: string): number {
  const ms = Number(at);
  if (!Number.isFinite(ms)) throw new ConfigError(`${name} is a Date or ms since the epoch, not ${String(at)}`);
  return ms;
}

function metadataOf({ metadata }: RunRow): Json | undefined {
  return metadata === null ? undefined : (JSON.parse(metadata) as Json);
}

/** Whether everything in `part` is in `whole` too. */
function contains(whole: Json | undefined, part: Json): boolean {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return isDeepStrictEqual(whole, part);
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole)) return false;
  return Object.entries(part).every(([key, value]) => contains((whole as Record<string, Json>)[key], value as Json));
}
