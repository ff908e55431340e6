/**
 * The structure hash: runs and workers with the same hash understand each other's paths. It covers what paths and
 * values depend on, and no policy: timeouts, retries, priorities, tags, delay durations, loop bounds, a map's
 * concurrency, function bodies and schemas may change under running runs.
 *
 * Whatever changes here strands every stored run: a test holds on to one hash for ever.
 */
import { createHash } from 'node:crypto';
import type { Json } from './model.js';
import type { Node, Sequence, Tree } from './tree.js';

/** 64 hex digits. */
export function structureHash({ name, version, root }: Pick<Tree, 'name' | 'version' | 'root'>): string {
  const structure: Json = ['baton', 1, name, version ?? null, sequence(root)];
  return createHash('sha256').update(JSON.stringify(structure)).digest('hex');
}

function sequence(nodes: Sequence): Json {
  return nodes.map(structureOf);
}

function structureOf(node: Node): Json {
  const { kind, id } = node;
  switch (kind) {
    case 'task':
      return [kind, id, node.version ?? null];
    case 'fork':
      return [kind, id, node.join !== undefined, node.branches.map(({ name, body }) => [name, sequence(body)])];
    case 'route':
      return [
        kind,
        id,
        node.branches.map(({ key, body }) => [key, sequence(body)]),
        node.otherwise === undefined ? null : sequence(node.otherwise),
      ];
    case 'loop':
    case 'map':
      return [kind, id, sequence(node.body)];
    case 'delay':
      return [kind, id];
    case 'signal':
      return [kind, id, node.signal];
    case 'child':
      return [kind, id, node.workflow, node.version ?? null, sequence(node.body)];
  }
}
