/** How rows of statements become the contract's values. */
import type { ReadyActivation } from '../../core/model.js';
import type { EndedRun } from '../store.js';

/** Columns of what a statement made ready, for its `returning` (alias `a`). */
export const READY = `a.run_key, a.path, a.queue, a.losses,
  extract(epoch from a.ready_at)::float8 * 1000 as ready_at,
  extract(epoch from a.published_at)::float8 * 1000 as published_at`;

export interface ReadyColumns {
  run_key: string;
  path: string;
  queue: number;
  losses: number;
  ready_at: number;
  published_at: number;
}

export function toReady(row: ReadyColumns): ReadyActivation {
  return {
    run: row.run_key,
    path: row.path,
    queue: row.queue,
    losses: row.losses,
    readyAt: row.ready_at,
    publishedAt: row.published_at,
  };
}

/** Columns of a run that ended (alias `r`). */
export const ENDED = 'r.key, r.id, r.workflow, r.status, r.reply_to';

export interface EndedColumns {
  key: string;
  id: string;
  workflow: string;
  status: EndedRun['status'];
  reply_to: string | null;
}

export function toEnded(row: EndedColumns): EndedRun {
  return { run: row.key, id: row.id, workflow: row.workflow, status: row.status, replyTo: row.reply_to };
}

/** Names an activation within a batch. */
export const refKey = (run: string, path: string): string => `${run} ${path}`;
