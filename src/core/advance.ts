/**
 * The heart: what happens next in a run, decided purely from the tree. Nothing here knows of rows, messages,
 * clocks or workers; the same decision taken twice is the same.
 *
 * An activation that completed is answered with effects: activations to create, or an arrival at a join, or the
 * end of the run. A path says all that has to be known of the way so far, so one activation is enough to go on.
 */
import { LoopVerdictError, MaxIterationsError } from './errors.js';
import type { Path } from './model.js';
import { branchPath, indexPath, parentPath, ROOT, roundPath } from './path.js';
import { INPUT, OWN, type Recipe } from './recipe.js';
import {
  type ForkNode,
  type LoopNode,
  type MapNode,
  type Node,
  nodeAt,
  type Sequence,
  sequencesOf,
  type Tree,
} from './tree.js';
import { unwrapVerdict, verdictOf } from './verdict.js';

/** An activation to create. Its path and node say the rest: policy is read when the row is written. */
export interface NewActivation {
  readonly path: Path;
  readonly node: Node;
  readonly state: 'ready' | 'delayed' | 'awaiting_signal' | 'joining' | 'queued';
  /** How its input is put together. */
  readonly recipe: Recipe;
  /** A map's element: which one of the list its bytes are (recipe `own`). */
  readonly element?: number;
  /** Arrivals that a joining fork waits for. */
  readonly pending?: number;
}

/** A branch or element that came to its end. */
export interface ArriveAt {
  /** Path of the fork or map. */
  readonly join: Path;
  /** Index of the branch or element. */
  readonly slot: number;
  /** What it came to; undefined where that is the completed activation's own output. */
  readonly result: Recipe | undefined;
  /** A map with a limit readies its next element. */
  readonly releasesNext: boolean;
}

export interface Effects {
  readonly activate: readonly NewActivation[];
  readonly arrive?: ArriveAt;
  /** The run is complete, and this is its output. */
  readonly finish?: Recipe;
}

/** What a map's activation does next with its list of `length` elements. */
export type MapStep =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'chunk';
      readonly activate: readonly NewActivation[];
      /** First element that isn't in yet; equal to `length` when this was the last chunk. */
      readonly next: number;
      /** Elements that may be under way at once. */
      readonly running: number;
    };

/** The activations that a run starts with. */
export function begin(tree: Tree): NewActivation[] {
  return enter(first(tree.root), indexPath(ROOT, 0), INPUT);
}

/**
 * What follows when the activation at `path` completed.
 *
 * @param recipe how later nodes refer to its value: `['output', path]` where it has an output of its own, its
 *   own input's recipe where the value passed through (delays, joins without a function, maps)
 * @param value that value; only the end of a loop's body looks at it
 * @throws LoopVerdictError, MaxIterationsError: the run fails with it, and a retry can't help
 */
export function advance(tree: Tree, path: Path, recipe: Recipe, value: unknown): Effects {
  return complete(tree, path, path, recipe, value);
}

/** What follows when the route at `path`, whose input is `recipe`, chose branch `index` (`sequencesOf` order). */
export function advanceRoute(tree: Tree, path: Path, recipe: Recipe, index: number): Effects {
  const body = sequencesOf(nodeAt(tree.root, path))[index];
  if (body === undefined) throw new RangeError(`route ${path} has no branch ${index}`);
  return { activate: enter(first(body), indexPath(branchPath(path, index), 0), recipe) };
}

/**
 * The next step of the map at `path`, of whose `length` elements those before `cursor` are in. Long lists go in
 * by chunks, so that no statement grows with the list. Under a limit every element waits (`queued`) until the
 * last chunk is in; the first `running` of them become ready with it.
 */
export function advanceMap(node: MapNode, path: Path, length: number, cursor: number, chunk: number): MapStep {
  if (length === 0) return { kind: 'empty' };
  const next = Math.min(length, cursor + chunk);
  const activate: NewActivation[] = [];
  for (let element = cursor; element < next; element++) activate.push(...enterElement(node, path, element));
  return { kind: 'chunk', activate, next, running: Math.min(length, node.concurrency ?? length) };
}

/** What follows when an element's gate (a path that ends in its round) was leased: the body begins. */
export function openGate(tree: Tree, gate: Path): Effects {
  const node = nodeAt(tree.root, parentPath(gate).parent);
  if (node.kind !== 'map') throw new RangeError(`no map's element: ${gate}`);
  return { activate: enter(first(node.body), indexPath(gate, 0), ['output', gate]) };
}

/**
 * Whether what follows `path` depends on the value it came to: so at the end of a loop's body, and nowhere else.
 * Nodes that only pass a value on needn't read it otherwise.
 */
export function looksAtValue(tree: Tree, path: Path): boolean {
  const { parent: sequencePath, step } = parentPath(path);
  if (step.kind !== 'index') return false;
  const { sequence, owner } = sequenceAt(tree, sequencePath);
  if (step.index + 1 < sequence.length || owner === undefined) return false;
  return owner.kind === 'child' ? looksAtValue(tree, sequencePath) : owner.kind === 'loop';
}

/** Whether a path is a map element's gate: an activation of its own that only opens the element's body. */
export function isGate(path: Path): boolean {
  return /#\d+$/.test(path);
}

/** What a limited map's elements are called behind their round: `/0` where the body's head can wait by itself. */
export function elementSuffix(node: MapNode): string {
  return waitsForWorker(first(node.body)) ? '/0' : '';
}

function enterElement(node: MapNode, path: Path, element: number): NewActivation[] {
  const round = roundPath(path, element);
  const head = first(node.body);
  const state = node.concurrency === undefined ? 'ready' : 'queued';
  // A head that only waits for a worker carries the element's bytes itself. Any other head (a fork, a delay …)
  // stands for several rows or another state, or passes its input on: a gate waits in its place, whose output
  // is the element, and opens the body when leased.
  return waitsForWorker(head)
    ? [{ path: indexPath(round, 0), node: head, state, recipe: OWN, element }]
    : [{ path: round, node, state, recipe: OWN, element }];
}

/** Entering the node takes one activation, ready for a worker, and nothing later refers to its input. */
function waitsForWorker(node: Node): boolean {
  return node.kind === 'task' || node.kind === 'map';
}

/** The activations that entering a node takes. */
function enter(node: Node, path: Path, recipe: Recipe): NewActivation[] {
  switch (node.kind) {
    case 'task':
    case 'route':
    case 'map':
      return [{ path, node, state: 'ready', recipe }];
    case 'delay':
      return [{ path, node, state: 'delayed', recipe }];
    case 'signal':
      return [{ path, node, state: 'awaiting_signal', recipe }];
    case 'fork':
      return enterFork(node, path, recipe);
    case 'loop':
      return enter(first(node.body), indexPath(roundPath(path, 0), 0), recipe);
    case 'child':
      return enter(first(node.body), indexPath(path, 0), recipe);
  }
}

function enterFork(node: ForkNode, path: Path, recipe: Recipe): NewActivation[] {
  const join: NewActivation = { path, node, state: 'joining', recipe: ['gather', path], pending: node.branches.length };
  const heads = node.branches.flatMap((branch, b) =>
    enter(first(branch.body), indexPath(branchPath(path, b), 0), recipe),
  );
  return [join, ...heads];
}

/** The node at `path` came to `value`: on to its next sibling, or out of the sequence. */
function complete(tree: Tree, from: Path, path: Path, recipe: Recipe, value: unknown): Effects {
  const { parent: sequencePath, step } = parentPath(path);
  if (step.kind !== 'index') throw new RangeError(`no node's path: ${path}`);
  const { sequence, owner } = sequenceAt(tree, sequencePath);
  const next = sequence[step.index + 1];
  if (next !== undefined) return { activate: enter(next, indexPath(sequencePath, step.index + 1), recipe) };
  if (owner === undefined) return { activate: [], finish: recipe };
  return leave(tree, from, owner, sequencePath, recipe, value);
}

/** A sequence inside `owner` came to its end. */
function leave(tree: Tree, from: Path, owner: Node, sequencePath: Path, recipe: Recipe, value: unknown): Effects {
  if (owner.kind === 'child') return complete(tree, from, sequencePath, recipe, value);
  const { parent: path, step } = parentPath(sequencePath);
  if (step.kind === 'branch' && owner.kind === 'route') {
    const key = owner.branches[step.branch]?.key;
    const output: Recipe = key === undefined ? ['default', path, recipe] : ['branch', key, recipe];
    return complete(tree, from, path, output, { branch: key, result: value });
  }
  if (step.kind === 'branch') return { activate: [], arrive: arrival(from, path, step.branch, recipe, false) };
  if (step.kind === 'round' && owner.kind === 'map') {
    return { activate: [], arrive: arrival(from, path, step.round, recipe, owner.concurrency !== undefined) };
  }
  if (step.kind === 'round' && owner.kind === 'loop') return repeat(tree, from, owner, path, step.round, recipe, value);
  throw new RangeError(`${sequencePath} doesn't lie in a ${owner.kind}`);
}

function arrival(from: Path, join: Path, slot: number, recipe: Recipe, releasesNext: boolean): ArriveAt {
  const own = recipe[0] === 'output' && recipe[1] === from;
  return { join, slot, result: own ? undefined : recipe, releasesNext };
}

function repeat(
  tree: Tree,
  from: Path,
  loop: LoopNode,
  path: Path,
  round: number,
  recipe: Recipe,
  value: unknown,
): Effects {
  const verdict = verdictOf(value);
  if (verdict === undefined) throw new LoopVerdictError(loop.id);
  const unwrapped: Recipe = ['unwrap', recipe];
  if (verdict === 'again' && round + 1 < loop.maxIterations) {
    return { activate: enter(first(loop.body), indexPath(roundPath(path, round + 1), 0), unwrapped) };
  }
  if (verdict === 'again' && loop.onMax === 'fail') throw new MaxIterationsError(loop.id, loop.maxIterations);
  return complete(tree, from, path, unwrapped, unwrapVerdict(value));
}

function sequenceAt(tree: Tree, sequencePath: Path): { sequence: Sequence; owner: Node | undefined } {
  if (sequencePath === ROOT) return { sequence: tree.root, owner: undefined };
  const { parent, step } = parentPath(sequencePath);
  // A sequence's path ends in a branch or a round of its node, or is the path of the child flow itself.
  if (step.kind === 'index') {
    const owner = nodeAt(tree.root, sequencePath);
    return { sequence: first(sequencesOf(owner)), owner };
  }
  const owner = nodeAt(tree.root, parent);
  const sequence = sequencesOf(owner)[step.kind === 'branch' ? step.branch : 0];
  if (sequence === undefined) throw new RangeError(`this workflow has no sequence at ${sequencePath}`);
  return { sequence, owner };
}

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new RangeError('a sequence is empty; building the workflow should have refused it');
  return item;
}
