/** The workflows that this worker knows: trees by name and structure hash. */
import type { Workflow } from '../core/flow.js';
import type { QueueSpec } from '../core/model.js';
import type { Tree } from '../core/tree.js';

export class Registry {
  readonly #trees = new Map<string, Tree>();

  constructor(
    workflows: readonly Workflow[],
    private readonly tags: readonly string[],
  ) {
    for (const { tree } of workflows) this.#trees.set(keyOf(tree.name, tree.hash), tree);
  }

  trees(): Tree[] {
    return [...this.#trees.values()];
  }

  tree(workflow: string, hash: string): Tree | undefined {
    return this.#trees.get(keyOf(workflow, hash));
  }

  /** Whether this worker takes work from the queue: it knows the structure, and the queue's tags are among its own. */
  fits(queue: QueueSpec): boolean {
    return this.#trees.has(keyOf(queue.workflow, queue.hash)) && this.fitsTags(queue.tags);
  }

  /** A worker without tags takes everything. */
  fitsTags(tags: readonly string[]): boolean {
    return this.tags.length === 0 || tags.every((tag) => this.tags.includes(tag));
  }
}

const keyOf = (workflow: string, hash: string): string => `${workflow}@${hash}`;
