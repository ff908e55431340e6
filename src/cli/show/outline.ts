/**
 * A run as an outline: the tree of its workflow, what has come of each node beside it, and the nodes that it hasn't
 * come to. Of many rounds of a loop, or elements of a map, only those that somebody would look for are kept.
 */
import type { NodeDescription } from '../../client/describe.js';
import type { ActivationState, Path } from '../../core/model.js';
import { branchPath, indexPath, ROOT, roundPath } from '../../core/path.js';
import type { Node, RouteNode, Sequence, Tree } from '../../core/tree.js';

export interface Item {
  readonly label: string;
  /** What has come of it; undefined of what has no record: not reached, or only a frame around others. */
  readonly node?: NodeDescription;
  /** The state of an item without a record. */
  readonly aside?: string;
  /** What else there is to say of it. */
  readonly note?: string;
  /** Whether the run has come to it. */
  readonly reached: boolean;
  readonly inside: readonly Item[];
}

/** Rounds of one loop or map that are shown, and how many of these are rounds under way where there are more. */
const ROUNDS_SHOWN = 8;
const OPEN_SHOWN = 5;

/** Without a structure, which somebody has to have stored, the nodes stand one below the other under their paths. */
export function outline(tree: Tree | undefined, nodes: readonly NodeDescription[]): Item[] {
  if (tree === undefined) return nodes.map((node) => ({ label: node.path, node, reached: true, inside: [] }));
  return new Outline(nodes).sequence(tree.root, ROOT);
}

class Outline {
  readonly #records = new Map<Path, NodeDescription>();
  /** Every path that a record's path starts with. */
  readonly #entered = new Set<Path>();
  /** The records of each round, by the path of the loop or map. */
  readonly #rounds = new Map<Path, Map<number, NodeDescription[]>>();

  constructor(nodes: readonly NodeDescription[]) {
    for (const node of nodes) {
      this.#records.set(node.path, node);
      for (const { index, 0: step } of node.path.matchAll(/\/b\d+|\/\d+|#\d+/g)) {
        this.#entered.add(node.path.slice(0, index + step.length));
        if (step.startsWith('#')) this.#enter(node.path.slice(0, index), Number(step.slice(1)), node);
      }
    }
  }

  #enter(holder: Path, round: number, node: NodeDescription): void {
    const rounds = this.#rounds.get(holder) ?? new Map<number, NodeDescription[]>();
    this.#rounds.set(holder, rounds);
    const records = rounds.get(round) ?? [];
    rounds.set(round, records);
    records.push(node);
  }

  sequence(nodes: Sequence, at: Path): Item[] {
    return nodes.map((node, i) => this.#item(node, indexPath(at, i)));
  }

  #item(node: Node, path: Path): Item {
    const id = ownId(node);
    switch (node.kind) {
      case 'task':
        return this.#of(path, id);
      case 'delay':
        return this.#of(path, named('delay', id));
      case 'signal':
        return this.#of(path, node.signal === id ? named('signal', id) : `signal ${id} (${node.signal})`);
      case 'fork': {
        const branches = node.branches.map(({ name, body }, i) => this.#part(name, body, branchPath(path, i)));
        return this.#of(path, named('fork', id), branches);
      }
      case 'route':
        return this.#of(path, named('route', id), this.#branches(node, path));
      case 'loop':
      case 'map':
        return this.#of(path, named(node.kind, id), this.#passes(node, path));
      case 'child':
        return this.#of(path, named('flow', id), this.sequence(node.body, path));
    }
  }

  #of(path: Path, label: string, inside: readonly Item[] = []): Item {
    const node = this.#records.get(path);
    return { label, ...(node === undefined ? {} : { node }), reached: this.#entered.has(path), inside };
  }

  /** A branch, a round or an element. One that holds nothing but a single step is told in the step's own line. */
  #part(name: string, body: Sequence, at: Path): Item {
    const inside = this.sequence(body, at);
    const [only] = inside;
    if (only === undefined || inside.length > 1 || only.inside.length > 0) return this.#of(at, name, inside);
    return { ...only, label: only.label === name ? name : `${name}: ${only.label}` };
  }

  #branches({ branches, otherwise }: RouteNode, path: Path): Item[] {
    const all = branches.map(({ key, body }) => ({ name: key, body }));
    if (otherwise !== undefined) all.push({ name: 'default', body: otherwise });
    const taken = all.findIndex((_, i) => this.#entered.has(branchPath(path, i)));
    return all.map(({ name, body }, i) =>
      taken === -1 || taken === i
        ? this.#part(name, body, branchPath(path, i))
        : { label: name, aside: 'not taken', reached: false, inside: [] },
    );
  }

  /** The rounds of a loop or the elements of a map; what one would be, where there is none yet. */
  #passes(node: Node & { kind: 'loop' | 'map' }, path: Path): Item[] {
    const rounds = [...(this.#rounds.get(path) ?? [])].sort(([a], [b]) => a - b);
    if (rounds.length === 0) return [this.#pass(node, path, undefined)];
    const shown = rounds.length <= ROUNDS_SHOWN ? rounds : worthALook(rounds, node.kind);
    const items = shown.map(([round]) => this.#pass(node, path, round));
    const rest = rounds.filter((round) => !shown.includes(round));
    if (rest.length === 0) return items;
    const label = `… ${rest.length} more`;
    return [...items, { label, note: counts(rest.map(([, records]) => stateOf(records))), reached: true, inside: [] }];
  }

  #pass({ id, body }: Node & { kind: 'loop' | 'map' }, path: Path, round: number | undefined): Item {
    const name = round === undefined ? 'each' : `#${round}`;
    const item = this.#part(name, body, roundPath(path, round ?? 0));
    return item.label === `${name}: ${lastOf(id)}` ? { ...item, label: name } : item;
  }
}

type Round = [number, NodeDescription[]];

/** Those under way or failed, the first of them; of a loop the last round, for a loop is where that is. */
function worthALook(rounds: readonly Round[], kind: 'loop' | 'map'): Round[] {
  const done: readonly ActivationState[] = ['completed', 'queued', 'cancelled'];
  const open = rounds.filter(([, records]) => !done.includes(stateOf(records))).slice(0, OPEN_SHOWN);
  const last = rounds.at(-1);
  return kind === 'map' || last === undefined || open.includes(last) ? open : [...open, last];
}

/** What stands for many records is the first of these that one of them is in. */
const TELLING: readonly ActivationState[] = [
  'failed',
  'leased',
  'backing_off',
  'ready',
  'held',
  'awaiting_signal',
  'delayed',
  'joining',
  'queued',
  'cancelled',
  'completed',
];

function stateOf(records: readonly NodeDescription[]): ActivationState {
  return TELLING.find((state) => records.some((record) => record.state === state)) ?? 'completed';
}

function counts(states: readonly ActivationState[]): string {
  return TELLING.map((state) => [state, states.filter((other) => other === state).length] as const)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');
}

/** Inside a flow's frame its scope is said already. */
const ownId = ({ id }: Node): string => lastOf(id);
const lastOf = (id: string): string => id.slice(id.lastIndexOf('/') + 1);

/** A fork or a route without a name of its own is called so. */
const named = (kind: string, id: string): string => (id === kind ? id : `${kind} ${id}`);
