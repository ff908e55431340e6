/**
 * A tree as JSON, for whoever has the store but not the module: names for status and results, and the policy that
 * starting a run needs. Functions and schemas stay behind.
 */
import { DefinitionMismatchError } from './errors.js';
import type { Json } from './model.js';
import type { Node, Sequence, Tree, UserFunction } from './tree.js';

const FORMAT = 1;

export function treeToJson(tree: Tree): Json {
  return { format: FORMAT, ...tree, root: sequenceToJson(tree.root) };
}

function sequenceToJson(sequence: Sequence): Json {
  return sequence.map(nodeToJson);
}

function nodeToJson(node: Node): Json {
  switch (node.kind) {
    case 'task': {
      const { fn, policy, ...rest } = node;
      const { input, output, retry, ...plain } = policy;
      return { ...rest, policy: { ...plain, ...(retry === undefined ? {} : { retry: { ...retry } }) } };
    }
    case 'fork': {
      const { join, branches, ...rest } = node;
      return {
        ...rest,
        joined: join !== undefined,
        branches: branches.map(({ name, body }) => ({ name, body: sequenceToJson(body) })),
      };
    }
    case 'route': {
      const { key: _, branches, otherwise, ...rest } = node;
      return {
        ...rest,
        branches: branches.map(({ key, body }) => ({ key, body: sequenceToJson(body) })),
        ...(otherwise === undefined ? {} : { otherwise: sequenceToJson(otherwise) }),
      };
    }
    case 'signal': {
      const { schema, ...rest } = node;
      return rest;
    }
    case 'loop':
    case 'map':
    case 'child':
      return { ...node, body: sequenceToJson(node.body) };
    case 'delay':
      return { ...node };
  }
}

/**
 * The tree again; its functions throw when called. Throws a DefinitionMismatchError on a format that this version
 * doesn't know.
 */
export function treeFromJson(json: unknown): Tree {
  if (typeof json !== 'object' || json === null || !('format' in json) || json.format !== FORMAT) {
    throw new DefinitionMismatchError(
      'the stored structure was written by another version of Baton; use the workflow from its module instead',
    );
  }
  const { format, ...tree } = json as unknown as Tree & { readonly format: number };
  return { ...tree, root: sequenceFromJson(tree.root) };
}

function sequenceFromJson(sequence: Sequence): Sequence {
  return sequence.map(nodeFromJson);
}

/** What JSON holds is the node but for its functions. */
function nodeFromJson(stored: Node): Node {
  switch (stored.kind) {
    case 'task':
      return { ...stored, fn: absent(`task ${stored.id}`) };
    case 'fork': {
      const { joined, ...node } = stored as typeof stored & { readonly joined: boolean };
      const branches = node.branches.map(({ name, body }) => ({ name, body: sequenceFromJson(body) }));
      return { ...node, branches, ...(joined ? { join: { fn: absent(`join ${node.id}`) } } : {}) };
    }
    case 'route':
      return {
        ...stored,
        key: absent(`route ${stored.id}`),
        branches: stored.branches.map(({ key, body }) => ({ key, body: sequenceFromJson(body) })),
        ...(stored.otherwise === undefined ? {} : { otherwise: sequenceFromJson(stored.otherwise) }),
      };
    case 'loop':
    case 'map':
    case 'child':
      return { ...stored, body: sequenceFromJson(stored.body) };
    case 'delay':
    case 'signal':
      return stored;
  }
}

function absent(what: string): UserFunction {
  return () => {
    throw new DefinitionMismatchError(`${what} has no function here: only the module of its workflow can run it`);
  };
}
