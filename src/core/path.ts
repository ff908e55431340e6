/**
 * Paths name activations. Grammar, from the root:
 *
 *     path     = "/" index { branch | round | "/" index }
 *     branch   = "/b" index "/" index      inside branch `index` of the fork or route before it
 *     round    = "#" number [ "/" index ]  iteration of a loop or element of a map; alone, it is a map's element gate
 *     "/" index                            directly behind a node: inside the child flow that the node inlines
 *
 * `/2/b0/1#3/0` is the first node of iteration 3 of the loop at index 1 in branch 0 of node 2.
 * Everything under a node starts with the node's own path, which is what gathering a join relies on.
 */
import type { Path } from './model.js';

/** One step from a sequence into a node, or from a node into one of its sequences. */
export type Step =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'branch'; readonly branch: number }
  | { readonly kind: 'round'; readonly round: number };

export const ROOT: Path = '';

export const indexPath = (sequence: Path, index: number): Path => `${sequence}/${index}`;
export const branchPath = (node: Path, branch: number): Path => `${node}/b${branch}`;
export const roundPath = (node: Path, round: number): Path => `${node}#${round}`;

/** The steps of a path, from the root. Throws a RangeError on anything that isn't a path. */
export function parsePath(path: Path): Step[] {
  const steps: Step[] = [];
  const pattern = /\/b(\d+)|\/(\d+)|#(\d+)/y;
  while (pattern.lastIndex < path.length) {
    const match = pattern.exec(path);
    if (match === null) throw new RangeError(`not an activation path: ${JSON.stringify(path)}`);
    if (match[1] !== undefined) steps.push({ kind: 'branch', branch: Number(match[1]) });
    else if (match[2] !== undefined) steps.push({ kind: 'index', index: Number(match[2]) });
    else steps.push({ kind: 'round', round: Number(match[3]) });
  }
  return steps;
}

/** Cuts the last step off: the sequence of a node, the node of a branch or round. */
export function parentPath(path: Path): { parent: Path; step: Step } {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('#'));
  const step = parsePath(path.slice(at))[0];
  if (at < 0 || step === undefined) throw new RangeError(`no parent: ${JSON.stringify(path)}`);
  return { parent: path.slice(0, at), step };
}

/** Orders paths as the tree does: numbers by value, so that `#10` comes after `#9`. */
export function comparePaths(a: Path, b: Path): number {
  const left = parsePath(a);
  const right = parsePath(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = rank(left[i] as Step) - rank(right[i] as Step);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function rank(step: Step): number {
  if (step.kind === 'index') return step.index;
  return step.kind === 'branch' ? step.branch : step.round;
}
