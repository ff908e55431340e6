/** Puts a built flow's nodes into the scope of the node that inlines it: `id` becomes `scope/id`. */
import type { Node, Sequence } from '../tree.js';

export function inScope(scope: string, sequence: Sequence): Sequence {
  return Object.freeze(
    sequence.map((node) => Object.freeze({ ...withBodies(node, scope), id: `${scope}/${node.id}` })),
  );
}

function withBodies(node: Node, scope: string): Node {
  switch (node.kind) {
    case 'fork':
      return { ...node, branches: Object.freeze(node.branches.map((branch) => branchIn(scope, branch))) };
    case 'route':
      return {
        ...node,
        branches: Object.freeze(node.branches.map((branch) => branchIn(scope, branch))),
        ...(node.otherwise === undefined ? {} : { otherwise: inScope(scope, node.otherwise) }),
      };
    case 'loop':
    case 'child':
    case 'map':
      return { ...node, body: inScope(scope, node.body) };
    case 'task':
    case 'delay':
    case 'signal':
      return node;
  }
}

function branchIn<T extends { readonly body: Sequence }>(scope: string, branch: T): T {
  return Object.freeze({ ...branch, body: inScope(scope, branch.body) });
}
