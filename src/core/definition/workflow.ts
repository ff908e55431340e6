/** A built workflow: its tree, and what can be asked of it. */
import { toMermaid } from '../mermaid.js';
import type { Json } from '../model.js';
import { treeToJson } from '../structure.js';
import type { Tree } from '../tree.js';
import { type NodeInfo, nodesOf } from './nodes.js';

declare const TYPES: unique symbol;

/** A built workflow: what is started, run by workers, drawn and listed. Immutable. */
// biome-ignore lint/suspicious/noExplicitAny: a workflow of whatever types
export interface Workflow<in In = any, out Out = any> {
  readonly kind: 'workflow';
  readonly name: string;
  /** Structure hash: 64 hex digits. Workers and runs of the same hash understand each other. */
  readonly hash: string;
  readonly metadata: Json | undefined;
  readonly tree: Tree;
  /** In the order of the tree, a node before what stands inside it. */
  nodes(): NodeInfo[];
  /** A Mermaid flowchart. */
  toMermaid(): string;
  /** The structure and policy, without functions and schemas. */
  toJSON(): Json;
  /** For the compiler only. */
  readonly [TYPES]?: (input: In) => Out;
}

export function workflowOf(tree: Tree): Workflow {
  return Object.freeze({
    kind: 'workflow',
    name: tree.name,
    hash: tree.hash,
    metadata: tree.metadata,
    tree,
    nodes: () => nodesOf(tree.root),
    toMermaid: () => toMermaid(tree),
    toJSON: () => treeToJson(tree),
  });
}

/** Whether a value is a workflow, also one that another copy of this package built. */
export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'workflow' && 'tree' in value;
}
