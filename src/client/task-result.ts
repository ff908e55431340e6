/**
 * What a node of a run came to: by path that very record, by id the one that people mean. Of an id inside a loop
 * that is the last iteration that came to its end, of one inside a map the list over its elements.
 */
import { ConfigError } from '../core/errors.js';
import type { Path } from '../core/model.js';
import { branchPath, indexPath, parentPath, ROOT, roundPath } from '../core/path.js';
import type { Recipe } from '../core/recipe.js';
import { type Node, nodeAt, type RouteNode, type Sequence, sequencesOf, type Tree } from '../core/tree.js';
import { unwrapVerdict } from '../core/verdict.js';
import { readValue } from '../runtime/values.js';
import type { ActivationView, RunRow } from '../store/store.js';
import type { Connection } from './connection.js';
import { findNode } from './definitions.js';

/** A value that is there; undefined where there is none yet. */
type Found = { readonly value: unknown } | undefined;

/** Undefined until the node has completed. Throws a ConfigError where the workflow has no such node. */
export async function taskResult(connection: Connection, row: RunRow, idOrPath: string): Promise<unknown> {
  const tree = await connection.definitions.of(row);
  if (tree === undefined)
    throw new ConfigError(`nobody stored the structure of ${row.workflow} that run ${row.id} has`);
  const values = new NodeValues(connection, row, tree, await connection.store.activations(row.run));
  if (idOrPath.startsWith('/')) {
    const node = findNode(tree, idOrPath);
    if (node !== undefined) return (await values.at(node, idOrPath))?.value;
  } else if (holds(tree.root, idOrPath)) {
    return (await values.byId(tree.root, ROOT, idOrPath))?.value;
  }
  throw new ConfigError(
    `workflow ${row.workflow} has no node ${JSON.stringify(idOrPath)}; it has ${idsOf(tree.root).join(', ')}`,
  );
}

class NodeValues {
  readonly #completed: ReadonlySet<Path>;
  /** Iterations and elements that a loop or map at a path has. */
  readonly #rounds = new Map<Path, Set<number>>();

  constructor(
    private readonly connection: Connection,
    private readonly row: RunRow,
    private readonly tree: Tree,
    activations: readonly ActivationView[],
  ) {
    this.#completed = new Set(activations.filter(({ state }) => state === 'completed').map(({ path }) => path));
    for (const { path } of activations) {
      for (const match of path.matchAll(/#(\d+)/g)) {
        const owner = path.slice(0, match.index);
        const rounds = this.#rounds.get(owner) ?? new Set();
        this.#rounds.set(owner, rounds.add(Number(match[1])));
      }
    }
  }

  /** The node with that id, at or inside the first node of the sequence that has it. */
  async byId(sequence: Sequence, prefix: Path, id: string): Promise<Found> {
    const index = sequence.findIndex((node) => holds([node], id));
    const node = sequence[index];
    if (node === undefined) return undefined;
    const path = indexPath(prefix, index);
    return node.id === id ? this.at(node, path) : this.#inside(node, path, id);
  }

  async #inside(node: Node, path: Path, id: string): Promise<Found> {
    const bodies = sequencesOf(node);
    const index = bodies.findIndex((body) => holds(body, id));
    const body = bodies[index] ?? [];
    switch (node.kind) {
      case 'loop':
        return this.#last(path, (round) => this.byId(body, round, id));
      case 'map':
        if (!this.#completed.has(path)) return undefined;
        return this.#list(path, async (round) => (await this.byId(body, round, id))?.value);
      case 'child':
        return this.byId(body, path, id);
      default:
        return this.byId(body, branchPath(path, index), id);
    }
  }

  /** What this node came to, at this very path. */
  async at(node: Node, path: Path): Promise<Found> {
    switch (node.kind) {
      case 'child':
        return this.#end(node.body, path);
      case 'loop':
        return this.#ofLoop(node.body, path);
    }
    if (!this.#completed.has(path)) return undefined;
    switch (node.kind) {
      case 'task':
        return unwrapped(await this.#read(['output', path]));
      case 'signal':
        return this.#read(['output', path]);
      case 'fork':
        return this.#read(node.join === undefined ? ['gather', path] : ['output', path]);
      case 'map':
        // A path that ends in its round is an element's gate, whose own output is the element.
        return this.#read(/#\d+$/.test(path) ? ['output', path] : ['gather', path]);
      case 'route':
        return this.#routed(node, path);
      case 'delay':
        return this.#before(path);
    }
  }

  async #routed(node: RouteNode, path: Path): Promise<Found> {
    const branch = (await this.#read(['output', path]))?.value;
    const listed = node.branches.findIndex(({ key }) => key === branch);
    const index = listed < 0 ? node.branches.length : listed;
    const end = await this.#end(sequencesOf(node)[index] ?? [], branchPath(path, index));
    return end && { value: { branch, result: end.value } };
  }

  /** What a sequence came to: its last node. */
  async #end(sequence: Sequence, prefix: Path): Promise<Found> {
    const node = sequence.at(-1);
    return node && this.at(node, indexPath(prefix, sequence.length - 1));
  }

  /** What came into the node at this path. */
  async #before(path: Path): Promise<Found> {
    const { parent, step } = parentPath(path);
    if (step.kind === 'index' && step.index > 0) {
      const previous = indexPath(parent, step.index - 1);
      return this.at(nodeAt(this.tree.root, previous), previous);
    }
    if (parent === ROOT) return this.#read(['input']);
    const outer = parentPath(parent);
    if (outer.step.kind === 'index') return this.#before(parent);
    if (outer.step.kind === 'branch') return this.#before(outer.parent);
    const owner = nodeAt(this.tree.root, outer.parent);
    if (owner.kind === 'map') return this.#read(['output', parent]);
    if (outer.step.round === 0) return this.#before(outer.parent);
    return unwrapped(await this.#end(sequencesOf(owner)[0] ?? [], roundPath(outer.parent, outer.step.round - 1)));
  }

  /** A round that isn't the end is committed together with the start of the next, so the last one tells. */
  async #ofLoop(body: Sequence, path: Path): Promise<Found> {
    const last = this.#roundsOf(path).at(-1);
    return last === undefined ? undefined : unwrapped(await this.#end(body, roundPath(path, last)));
  }

  async #last(path: Path, find: (round: Path) => Promise<Found>): Promise<Found> {
    for (const round of this.#roundsOf(path).reverse()) {
      const found = await find(roundPath(path, round));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #list(path: Path, find: (round: Path) => Promise<unknown>): Promise<Found> {
    return { value: await Promise.all(this.#roundsOf(path).map((round) => find(roundPath(path, round)))) };
  }

  #roundsOf(path: Path): number[] {
    return [...(this.#rounds.get(path) ?? [])].sort((a, b) => a - b);
  }

  async #read(recipe: Recipe): Promise<Found> {
    return { value: await readValue(this.connection.reader, this.row.run, { recipe, bytes: undefined }) };
  }
}

function unwrapped(found: Found): Found {
  return found && { value: unwrapVerdict(found.value) };
}

function holds(sequence: Sequence, id: string): boolean {
  return sequence.some((node) => node.id === id || sequencesOf(node).some((body) => holds(body, id)));
}

function idsOf(sequence: Sequence): string[] {
  return [...new Set(sequence.flatMap((node) => [node.id, ...sequencesOf(node).flatMap(idsOf)]))];
}
