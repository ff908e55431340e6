/** The structures of workflows as this process knows them: its own, and those read from the store for other runs. */
import { BatonError } from '../core/errors.js';
import { treeFromJson, treeToJson } from '../core/structure.js';
import { type Node, nodeAt, type Tree } from '../core/tree.js';
import type { Store } from '../store/store.js';

/** Nobody has run or started a workflow of that name in this namespace, or the module doesn't have it. */
export class WorkflowNotFoundError extends BatonError {
  constructor(
    readonly workflow: string,
    available?: readonly string[],
  ) {
    const advice =
      available === undefined
        ? 'is known in this namespace; start a worker with it, or start it from its module'
        : `is in that module; it has ${available.join(', ')}`;
    super('WORKFLOW_NOT_FOUND', `no workflow ${JSON.stringify(workflow)} ${advice}`);
  }
}

export class Definitions {
  /** By `workflow@hash`; a structure never changes under its hash. */
  readonly #trees = new Map<string, Promise<Tree | undefined>>();
  /** What was read from the store: one tree for each structure, until its policy changes. */
  readonly #stored = new Map<string, { readonly structure: string; readonly tree: Tree }>();
  readonly #written = new WeakMap<Tree, Promise<void>>();

  constructor(private readonly store: Store) {}

  /** Stores the structure, once per process, so that others can read names from it. */
  write(tree: Tree): Promise<void> {
    let written = this.#written.get(tree);
    if (written === undefined) {
      const structure = JSON.stringify(treeToJson(tree));
      written = this.store.putDefinition({ workflow: tree.name, hash: tree.hash, structure });
      this.#written.set(tree, written);
      this.#trees.set(keyOf(tree.name, tree.hash), Promise.resolve(tree));
      written.catch(() => this.#written.delete(tree));
    }
    return written;
  }

  /** The structure that a run has; undefined where nobody stored it. */
  of({ workflow, hash }: { readonly workflow: string; readonly hash: string }): Promise<Tree | undefined> {
    const key = keyOf(workflow, hash);
    let tree = this.#trees.get(key);
    if (tree === undefined) {
      tree = this.#read(workflow, hash);
      this.#trees.set(key, tree);
      // Neither a failure nor an absence is for ever.
      tree.then((found) => found === undefined && this.#trees.delete(key)).catch(() => this.#trees.delete(key));
    }
    return tree;
  }

  /** The newest structure of that name. */
  newest(workflow: string): Promise<Tree | undefined> {
    return this.#read(workflow);
  }

  async #read(workflow: string, hash?: string): Promise<Tree | undefined> {
    const row = await this.store.definition(workflow, hash);
    if (row === undefined) return undefined;
    const key = keyOf(workflow, row.hash);
    const known = this.#stored.get(key);
    if (known?.structure === row.structure) return known.tree;
    const tree = treeFromJson(JSON.parse(row.structure));
    this.#stored.set(key, { structure: row.structure, tree });
    // It came from the store: writing it again could make it the newest once more.
    this.#written.set(tree, Promise.resolve());
    return tree;
  }
}

/** The node at a path; undefined where the structure isn't known, or has none there. */
export function findNode(tree: Tree | undefined, path: string): Node | undefined {
  try {
    return tree && nodeAt(tree.root, path);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const keyOf = (workflow: string, hash: string): string => `${workflow}@${hash}`;
