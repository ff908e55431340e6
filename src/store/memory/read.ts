/** Reads for clients, and values for recipes. */
import { type ActivationRef, isFinal, type Json, type RunKey } from '../../core/model.js';
import type { Arrival, Recipe } from '../../core/recipe.js';
import type { ActivationView, ListQuery, RunRow } from '../store.js';
import type { MemoryRow, MemoryRun } from './rows.js';
import type { Space } from './space.js';

export function listRuns(space: Space, { workflow, status, since, until, before, limit }: ListQuery): RunRow[] {
  const fits = (run: MemoryRun) =>
    (workflow === undefined || run.info.workflow === workflow) &&
    (status === undefined || run.status === status) &&
    (since === undefined || run.createdAt >= since) &&
    (until === undefined || run.createdAt < until) &&
    (before === undefined || Number(run.info.run) < Number(before));
  return [...space.runs.values()].filter(fits).reverse().slice(0, limit).map(toRunRow);
}

export function toRunRow(run: MemoryRun): RunRow {
  return {
    ...run.info,
    status: run.status,
    output: run.output && { ...run.output },
    error: structuredClone(run.failure?.error),
    failedTask: run.failure?.task,
    failedAttempt: run.failure?.attempt,
    reason: run.reason,
    by: run.by,
    current: run.current,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
  };
}

export function activations(space: Space, run: RunKey, open: boolean): ActivationView[] {
  const rows = [...(space.runs.get(run)?.rows.values() ?? [])];
  return rows.filter((row) => !open || !isFinal(row.state)).map(toView);
}

function toView(row: MemoryRow): ActivationView {
  return {
    path: row.path,
    state: row.state,
    attempt: row.attempt,
    losses: row.losses,
    worker: row.startedAt === undefined ? undefined : row.session?.workerId,
    readyAt: row.readyAt,
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
    dueAt: row.timer?.dueAt,
    signal: row.wait?.name,
    parkedAt: row.wait?.parkedAt,
    error: structuredClone(row.error),
    progress: row.progress === null ? undefined : (JSON.parse(row.progress) as Json),
    queue: row.queue,
    publishedAt: row.state === 'ready' ? row.publishedAt : undefined,
    repeats: row.state === 'ready' ? row.repeats : 0,
  };
}

export function outputs(space: Space, refs: readonly ActivationRef[]): (Uint8Array | undefined)[] {
  return refs.map((ref) => space.row(ref)?.output?.slice());
}

export function gather(space: Space, { run, path }: ActivationRef): Arrival[] {
  const rows = [...(space.runs.get(run)?.arrivals.get(path) ?? [])].sort((a, b) => a.slot - b.slot);
  return rows.map((row) => ({
    path: row.path,
    result: row.result === null ? undefined : (JSON.parse(row.result) as Recipe),
    output: row.output?.slice(),
  }));
}
