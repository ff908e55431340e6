/** A run as a whole: its facts, and every node that it came to so far. */
import type { ActivationState, Json, Path, Priority, RunKey, SerializedError } from '../core/model.js';
import { comparePaths } from '../core/path.js';
import type { NodeKind, Tree } from '../core/tree.js';
import type { ActivationView } from '../store/store.js';
import type { Connection } from './connection.js';
import { findNode } from './definitions.js';
import { type RunStatus, statusOf, takeSnapshot } from './status.js';

/** A run with every node that it came to so far. */
export interface RunDescription<Out = unknown> {
  readonly id: string;
  readonly namespace: string;
  readonly workflow: string;
  /** Structure hash: workers that know it run it. */
  readonly hash: string;
  readonly status: RunStatus<Out>;
  readonly priority: Priority;
  readonly metadata: Json | undefined;
  readonly createdAt: Date;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
  /** In the order of the tree. */
  readonly nodes: readonly NodeDescription[];
}

/** One execution of one node: each iteration of a loop and each element of a map has its own. */
export interface NodeDescription {
  readonly path: Path;
  /** The node's id. */
  readonly node: string;
  /** Undefined where this process doesn't know the workflow's structure. */
  readonly kind: NodeKind | undefined;
  /** As stored; `queued` is a map's element that waits for its turn, `held` one that waits for resume(). */
  readonly state: ActivationState;
  /** From 1; of a node that never ran, the one that would be its first. */
  readonly attempt: number;
  /** How often a worker vanished with it. */
  readonly losses: number;
  readonly worker?: string;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
  readonly dueAt?: Date;
  readonly error?: SerializedError;
  readonly progress?: Json;
}

export async function describe(connection: Connection, run: RunKey): Promise<RunDescription> {
  const snapshot = await takeSnapshot(connection, run);
  const { row, activations } = snapshot;
  const [tree, status] = await Promise.all([connection.definitions.of(row), statusOf(connection, snapshot)]);
  const nodes = activations.toSorted((a, b) => comparePaths(a.path, b.path)).map((view) => nodeOf(view, tree));
  const startedAt = activations.reduce((at, view) => Math.min(at, view.startedAt ?? at), Number.POSITIVE_INFINITY);
  return {
    id: row.id,
    namespace: connection.namespace,
    workflow: row.workflow,
    hash: row.hash,
    status,
    priority: row.priority,
    metadata: row.metadata === null ? undefined : (JSON.parse(row.metadata) as Json),
    createdAt: new Date(row.createdAt),
    ...instant('startedAt', Number.isFinite(startedAt) ? startedAt : undefined),
    ...instant('finishedAt', row.finishedAt),
    nodes,
  };
}

function nodeOf(view: ActivationView, tree: Tree | undefined): NodeDescription {
  const node = findNode(tree, view.path);
  const { path, state, attempt, losses, worker, error, progress } = view;
  return {
    path,
    node: node?.id ?? path,
    kind: node?.kind,
    state,
    attempt,
    losses,
    ...(worker === undefined ? {} : { worker }),
    ...instant('startedAt', view.startedAt),
    ...instant('finishedAt', view.finishedAt),
    ...instant('dueAt', view.dueAt),
    ...(error === undefined ? {} : { error }),
    ...(progress === undefined ? {} : { progress }),
  };
}

function instant<Name extends string>(name: Name, at: number | undefined): { readonly [K in Name]?: Date } {
  return at === undefined ? {} : ({ [name]: new Date(at) } as { readonly [K in Name]: Date });
}
