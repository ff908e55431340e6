/** The workflows that this worker knows: trees by name and structure hash. */
import type { Workflow } from '../core/flow.js';
import type { QueueSpec } from '../core/model.js';
import { type Sequence, sequencesOf, type Tree } from '../core/tree.js';

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

  /**
   * Whether this worker takes work from the queue: it knows the structure, and the queue's tags are among its own. Tags
   * that no task has any more are those of an older policy. Which tasks wait under them can't be told from the queue, so
   * whoever may run all of the workflow's takes it.
   */
  fits({ workflow, hash, tags }: QueueSpec): boolean {
    const tree = this.tree(workflow, hash);
    if (tree === undefined) return false;
    if (this.fitsTags(tags)) return true;
    const wanted = tagsOf(tree.root);
    return wanted.every((set) => this.fitsTags(set) && set.join() !== tags.join());
  }

  /** A worker without tags takes everything. */
  fitsTags(tags: readonly string[]): boolean {
    return this.tags.length === 0 || tags.every((tag) => this.tags.includes(tag));
  }
}

/** Of each task, sorted as those of queues are. */
function tagsOf(sequence: Sequence): (readonly string[])[] {
  return sequence.flatMap((node) => [
    ...(node.kind === 'task' ? [node.policy.tags] : []),
    ...sequencesOf(node).flatMap(tagsOf),
  ]);
}

const keyOf = (workflow: string, hash: string): string => `${workflow}@${hash}`;
