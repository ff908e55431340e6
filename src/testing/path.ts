/** The way that a run took, as plain values that any assertion library compares. */
import type { NodeDescription } from '../client/describe.js';
import type { RunHandle } from '../client/handle.js';
import type { ActivationState } from '../core/model.js';
import type { NodeKind } from '../core/tree.js';

/** One execution of one node that the run came to. */
export interface Step {
  /** The node's id. */
  readonly id: string;
  readonly kind: NodeKind | undefined;
  readonly path: string;
  readonly state: ActivationState;
  /** The attempt that it is at, or that was the last; from 1. */
  readonly attempt: number;
}

/**
 * Every step of the run so far, in the order of the definition and not of the clock, so that parallel branches come
 * the same way every time: what a fork, map or loop holds comes before it, for it is done last; what a route leads to
 * comes after it.
 */
export async function stepsOf(run: RunHandle<unknown>): Promise<Step[]> {
  const { nodes } = await run.describe();
  return inOrder(nodes).map(({ node, kind, path, state, attempt }) => ({ id: node, kind, path, state, attempt }));
}

/**
 * The same in words: the id alone for a step that was completed at its first attempt, `charge (3 attempts)`, and
 * `packed (awaiting_signal)` for one that isn't completed.
 *
 * @example expect(await pathOf(run)).toEqual(['reserve', 'charge (2 attempts)', 'invoice', 'papers', 'packed (awaiting_signal)']);
 */
export async function pathOf(run: RunHandle<unknown>): Promise<string[]> {
  return (await stepsOf(run)).map(({ id, state, attempt }) => {
    const notes = [...(attempt > 1 ? [`${attempt} attempts`] : []), ...(state === 'completed' ? [] : [state])];
    return notes.length === 0 ? id : `${id} (${notes.join(', ')})`;
  });
}

function inOrder(nodes: readonly NodeDescription[]): NodeDescription[] {
  const ordered: NodeDescription[] = [];
  /** Those whose contents are being listed. */
  const open: NodeDescription[] = [];
  for (const node of nodes) {
    while (open.length > 0 && !isInside(node.path, (open.at(-1) as NodeDescription).path))
      ordered.push(open.pop() as NodeDescription);
    if (node.kind === 'fork' || node.kind === 'map' || node.kind === 'loop') open.push(node);
    else ordered.push(node);
  }
  return [...ordered, ...open.reverse()];
}

function isInside(path: string, holder: string): boolean {
  return path.startsWith(`${holder}/`) || path.startsWith(`${holder}#`);
}
