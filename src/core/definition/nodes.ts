/** A workflow's nodes as a list, for people and tools. */
import type { Json, Path, Priority } from '../model.js';
import { branchPath, indexPath, ROOT } from '../path.js';
import { type Node, type NodeKind, type Sequence, sequencesOf } from '../tree.js';

/** A node of a workflow's structure. */
export interface NodeInfo {
  readonly id: string;
  readonly kind: NodeKind;
  /** Where its activations stand, `#*` for any iteration or element. */
  readonly path: Path;
  readonly transactional: boolean;
  readonly version?: string;
  readonly description?: string;
  readonly metadata?: Json;
  readonly priority?: Priority;
  readonly tags: readonly string[];
  /** The name of the signal that it waits for. */
  readonly signal?: string;
  /** The name of the workflow that it inlines. */
  readonly workflow?: string;
}

/** In the order of the tree, a node before what stands inside it. */
export function nodesOf(sequence: Sequence, at: Path = ROOT): NodeInfo[] {
  return sequence.flatMap((node, index) => {
    const path = indexPath(at, index);
    return [describe(node, path), ...sequencesOf(node).flatMap((body, b) => nodesOf(body, bodyPath(node, path, b)))];
  });
}

function bodyPath(node: Node, path: Path, branch: number): Path {
  if (node.kind === 'loop' || node.kind === 'map') return `${path}#*`;
  return node.kind === 'child' ? path : branchPath(path, branch);
}

function describe(node: Node, path: Path): NodeInfo {
  const base = { id: node.id, kind: node.kind, path, transactional: false, tags: [] };
  switch (node.kind) {
    case 'task': {
      const { description, metadata, priority, tags } = node.policy;
      return {
        ...base,
        tags,
        transactional: node.transactional,
        ...(node.version === undefined ? {} : { version: node.version }),
        ...(description === undefined ? {} : { description }),
        ...(metadata === undefined ? {} : { metadata }),
        ...(priority === undefined ? {} : { priority }),
      };
    }
    case 'signal':
      return { ...base, signal: node.signal };
    case 'child':
      return { ...base, workflow: node.workflow, ...(node.version === undefined ? {} : { version: node.version }) };
    default:
      return base;
  }
}
