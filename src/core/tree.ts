/**
 * The continuation tree: what a built workflow is made of. A sequence runs its nodes one after the other; a
 * node may hold sequences of its own. Structure and policy stand side by side here, but only structure goes
 * into the hash (`hash.ts`), so that policy may change under running runs.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Json, Path, Priority } from './model.js';
import { parsePath, type Step } from './path.js';

export type Sequence = readonly Node[];

export type Node = TaskNode | ForkNode | RouteNode | LoopNode | DelayNode | SignalNode | ChildNode | MapNode;
/** What a node is: a task, a fork … */
export type NodeKind = Node['kind'];

/** A function of the user's: `tx` is given to transactional tasks only. */
export type UserFunction = (...args: never[]) => unknown;

export interface RetryPolicyMs {
  readonly maxRetries: number;
  readonly initialDelayMs: number;
  readonly backoffMultiplier: number;
  readonly maxDelayMs: number;
  readonly jitter: number;
}

/** What may change under running runs. */
export interface TaskPolicy {
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicyMs;
  readonly priority?: Priority;
  /** Sorted, without duplicates. */
  readonly tags: readonly string[];
  readonly description?: string;
  readonly metadata?: Json;
  readonly input?: StandardSchemaV1;
  readonly output?: StandardSchemaV1;
}

interface NodeBase {
  /**
   * Unique in its workflow, scopes of child flows included: `child/id`, in a second use `child#2/id`. Two ids may
   * stand twice: the only task of a loop or map may have the loop's or map's, and a child's, which names its scope,
   * may be a task's. The outer, then the first of them in the tree is meant.
   */
  readonly id: string;
}

export interface TaskNode extends NodeBase {
  readonly kind: 'task';
  readonly version?: string;
  /** Runs `fn(input, tx, ctx)` in the worker's own transaction, committed with the completion. */
  readonly transactional: boolean;
  readonly fn: UserFunction;
  readonly policy: TaskPolicy;
}

/** Branches run in parallel on the same input. Its own activation is the join, with or without a function. */
export interface ForkNode extends NodeBase {
  readonly kind: 'fork';
  readonly branches: readonly { readonly name: string; readonly body: Sequence }[];
  /** The join's function, run on the tuple of the branches' results; without one the tuple is the output. */
  readonly join?: { readonly fn: UserFunction };
}

export interface RouteNode extends NodeBase {
  readonly kind: 'route';
  readonly key: UserFunction;
  readonly branches: readonly { readonly key: string; readonly body: Sequence }[];
  /** Takes every key without a branch. In paths it counts as the branch after the last. */
  readonly otherwise?: Sequence;
}

/** Runs its body until it ends in `LoopResult.done(v)`. */
export interface LoopNode extends NodeBase {
  readonly kind: 'loop';
  readonly body: Sequence;
  /** Executions of the body, the first included. */
  readonly maxIterations: number;
  readonly onMax: 'fail' | 'exit_with_last';
}

export interface DelayNode extends NodeBase {
  readonly kind: 'delay';
  readonly durationMs: number;
}

export interface SignalNode extends NodeBase {
  readonly kind: 'signal';
  readonly signal: string;
  readonly timeoutMs?: number;
  readonly schema?: StandardSchemaV1;
}

/** A child flow inlined under its own scope. Has no activation of its own. */
export interface ChildNode extends NodeBase {
  readonly kind: 'child';
  readonly workflow: string;
  readonly version?: string;
  readonly body: Sequence;
}

/** Runs its body once for each element of its input list. */
export interface MapNode extends NodeBase {
  readonly kind: 'map';
  readonly body: Sequence;
  /** How many elements may be under way at once; all of them when left out. */
  readonly concurrency?: number;
}

/** Everything that running a workflow needs to know of it. */
export interface Tree {
  readonly name: string;
  readonly version?: string;
  /** Structure hash: 64 hex digits. */
  readonly hash: string;
  readonly metadata?: Json;
  readonly root: Sequence;
}

/** The sequences directly inside a node, in the order that paths number them. */
export function sequencesOf(node: Node): Sequence[] {
  switch (node.kind) {
    case 'fork':
      return node.branches.map((branch) => branch.body);
    case 'route': {
      const bodies = node.branches.map((branch) => branch.body);
      return node.otherwise === undefined ? bodies : [...bodies, node.otherwise];
    }
    case 'loop':
    case 'child':
    case 'map':
      return [node.body];
    case 'task':
    case 'delay':
    case 'signal':
      return [];
  }
}

/**
 * The node that a path leads to; an element's gate leads to its map. Throws a RangeError where the tree has none:
 * a branch or a round alone is no node either.
 */
export function nodeAt(root: Sequence, path: Path): Node {
  let sequence: Sequence | undefined = root;
  let node: Node | undefined;
  for (const step of parsePath(path)) {
    if (step.kind === 'index') {
      // Directly behind a node, an index leads into the child flow that the node inlines.
      node = (sequence ?? (node?.kind === 'child' ? node.body : undefined))?.[step.index];
      sequence = undefined;
    } else {
      sequence = node === undefined || sequence !== undefined ? undefined : sequenceIn(node, step);
      if (sequence === undefined) node = undefined;
    }
    if (node === undefined) break;
  }
  if (node === undefined || (sequence !== undefined && node.kind !== 'map')) {
    throw new RangeError(`this workflow has no node at ${JSON.stringify(path)}`);
  }
  return node;
}

function sequenceIn(node: Node, step: Exclude<Step, { kind: 'index' }>): Sequence | undefined {
  if (step.kind === 'branch')
    return node.kind === 'fork' || node.kind === 'route' ? sequencesOf(node)[step.branch] : undefined;
  return node.kind === 'loop' || node.kind === 'map' ? node.body : undefined;
}
