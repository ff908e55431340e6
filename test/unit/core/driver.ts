/**
 * The smallest engine that can run a tree: rows by path in a map, one thing happening at a time, in an order that
 * the caller chooses. It does with the decisions of `advance` what the runtime and the stores do with them, and
 * refuses what they must be able to rely on: no path twice, no arrival or element too many, nothing open at the end.
 */
import assert from 'node:assert/strict';
import {
  advance,
  advanceMap,
  advanceRoute,
  begin,
  type Effects,
  elementSuffix,
  isGate,
  looksAtValue,
  type NewActivation,
  openGate,
} from '../../../src/core/advance.js';
import { jsonCodec } from '../../../src/core/codec.js';
import { BatonError, MapInputError, UnmatchedRouteError } from '../../../src/core/errors.js';
import type { Path } from '../../../src/core/model.js';
import { roundPath } from '../../../src/core/path.js';
import {
  type Arrival,
  assemble,
  decodeRecipe,
  encodeRecipe,
  type Recipe,
  soleSource,
} from '../../../src/core/recipe.js';
import { type MapNode, type Node, nodeAt, type Tree } from '../../../src/core/tree.js';
import { call, failureOf, NodeFailed } from './node-failed.js';
import type { Failure, Oracle, Position } from './reference.js';

export interface Row {
  readonly path: Path;
  readonly node: Node;
  state: 'ready' | 'delayed' | 'awaiting_signal' | 'joining' | 'queued' | 'completed';
  source: Path | null;
  recipe: string | null;
  own: Uint8Array | undefined;
  output: Uint8Array | undefined;
  pending: number | null;
  cursor: number;
  /** Maps with a limit: the next element to make ready. */
  turn: number;
}

export interface World {
  readonly oracle: Oracle;
  /** Which of the things that can happen happens next, over and over again; none: always the oldest. */
  readonly order?: readonly number[];
  readonly mapChunk?: number;
  /** Sees every decision: what follows when `row` completed. */
  readonly onEffects?: (row: Row, effects: Effects) => void;
}

export interface Ended {
  readonly output?: { readonly value: unknown };
  readonly failure?: Failure;
  readonly rows: ReadonlyMap<Path, Row>;
}

export async function drive(tree: Tree, input: unknown, world: World): Promise<Ended> {
  const run = new Run(tree, input, world);
  try {
    return { output: { value: await run.toItsEnd() }, rows: run.rows };
  } catch (error) {
    if (!(error instanceof NodeFailed)) throw error;
    return { failure: error.failure, rows: run.rows };
  }
}

/** The numbers in a path. */
export const positionOf = (path: Path): Position => (path.match(/\d+/g) ?? []).map(Number);

class Run {
  readonly rows = new Map<Path, Row>();
  /** Rows that something can happen to, oldest first. */
  readonly #open: Row[] = [];
  readonly #arrivals = new Map<Path, (Arrival & { readonly slot: number })[]>();
  readonly #underWay = new Map<Path, number>();
  readonly #input: Uint8Array;
  #output: { readonly source: Path | null; readonly recipe: string | null } | undefined;

  constructor(
    private readonly tree: Tree,
    input: unknown,
    private readonly world: World,
  ) {
    this.#input = jsonCodec.encode(input);
  }

  async toItsEnd(): Promise<unknown> {
    const { order = [] } = this.world;
    const first = begin(this.tree);
    assertBounded(first, 'the start');
    for (const activation of first) this.#insert(activation);
    for (let i = 0; this.#open.length > 0; i++) {
      const choice = order.length === 0 ? 0 : (order[i % order.length] as number) % this.#open.length;
      const row = this.#open[choice] as Row;
      if (row.state === 'delayed') row.state = 'ready';
      else if (row.state === 'awaiting_signal') this.#wake(row);
      else await this.#work(row);
    }
    assert(this.#output, 'the run never finished');
    return this.#read({ ...this.#output, own: undefined });
  }

  #wake(row: Row): void {
    assert(row.node.kind === 'signal');
    const come = this.world.oracle(row.node, positionOf(row.path));
    row.source = null;
    row.recipe = 'timedOut' in come ? JSON.stringify(['timedOut']) : null;
    row.own = 'timedOut' in come ? undefined : jsonCodec.encode(come.payload);
    row.state = 'ready';
  }

  /** What a worker does with a ready row. */
  async #work(row: Row): Promise<void> {
    const { node, path } = row;
    if (isGate(path)) {
      assert(row.own, `gate ${path} has no element`);
      return this.#complete(row, openGate(this.tree, path), row.own);
    }
    switch (node.kind) {
      case 'task':
        return this.#returned(row, call(node, node.fn, await this.#read(row)));
      case 'fork':
        if (node.join === undefined) return this.#passed(row, ['gather', path], undefined);
        return this.#returned(row, call(node, node.join.fn, await this.#read(row)));
      case 'delay': {
        const value = looksAtValue(this.tree, path) ? await this.#read(row) : undefined;
        return this.#passed(row, decodeRecipe(row.source, row.recipe), value);
      }
      case 'signal': {
        if (row.recipe !== null) return this.#returned(row, { timedOut: true });
        const payload = await this.#read(row);
        return this.#returned(row, node.timeoutMs === undefined ? payload : { timedOut: false, payload });
      }
      case 'route': {
        const key = call(node, node.key, await this.#read(row)) as string;
        const listed = node.branches.findIndex((branch) => branch.key === key);
        if (listed < 0 && node.otherwise === undefined) throw failureOf(new UnmatchedRouteError(node.id, key));
        const index = listed < 0 ? node.branches.length : listed;
        const effects = advanceRoute(this.tree, path, decodeRecipe(row.source, row.recipe), index);
        return this.#complete(row, effects, jsonCodec.encode(key));
      }
      case 'map':
        return this.#map(row, node);
      default:
        assert.fail(`a ${node.kind} has no activation of its own, and yet there is ${path}`);
    }
  }

  async #map(row: Row, node: MapNode): Promise<void> {
    const { path } = row;
    if (row.pending === 0) return this.#passed(row, ['gather', path], undefined);
    const list = await this.#read(row);
    if (!Array.isArray(list)) throw failureOf(new MapInputError(node.id, list));
    const step = advanceMap(node, path, list.length, row.cursor, this.world.mapChunk ?? 100);
    if (step.kind === 'empty') return this.#passed(row, ['gather', path], undefined);
    assert(step.activate.length <= (this.world.mapChunk ?? 100), `map ${path} grew by more than a chunk`);
    row.cursor = step.next;
    row.pending ??= list.length;
    if (step.next === list.length) this.#move(row, 'joining');
    for (const activation of step.activate) {
      this.#insert(activation, list);
      if (activation.state === 'ready') this.#count(row, 1);
    }
    if (step.next === list.length && node.concurrency !== undefined) this.#release(row, node, step.running);
  }

  #returned(row: Row, value: unknown): void {
    const output = jsonCodec.encode(value);
    this.#complete(row, this.#decide(row, ['output', row.path], value), output);
  }

  /** Completed without an output of its own. */
  #passed(row: Row, recipe: Recipe, value: unknown): void {
    this.#complete(row, this.#decide(row, recipe, value), undefined);
  }

  #decide({ path }: Row, recipe: Recipe, value: unknown): Effects {
    try {
      return advance(this.tree, path, recipe, value);
    } catch (error) {
      throw error instanceof BatonError ? failureOf(error) : error;
    }
  }

  #complete(row: Row, effects: Effects, output: Uint8Array | undefined): void {
    const { activate, arrive, finish } = effects;
    this.world.onEffects?.(row, effects);
    const ways = [activate.length > 0, arrive !== undefined, finish !== undefined].filter(Boolean).length;
    assert.equal(ways, 1, `${row.path} must go on in exactly one way`);
    assertBounded(activate, row.path);
    row.output = output;
    this.#move(row, 'completed');
    for (const activation of activate) this.#insert(activation);
    if (arrive !== undefined) this.#arrive(row, arrive);
    if (finish !== undefined) {
      assert.equal(this.#output, undefined, 'the run finished twice');
      const open = [...this.rows.values()].filter(({ state }) => state !== 'completed');
      assert.deepEqual(open, [], 'the run finished before them');
      this.#output = encodeRecipe(finish);
    }
  }

  #arrive({ path, output }: Row, { join: at, slot, result, releasesNext }: NonNullable<Effects['arrive']>): void {
    const join = this.rows.get(at);
    assert(join?.pending, `${path} arrives at ${at}, which waits for nothing`);
    const arrivals = this.#arrivals.get(at) ?? [];
    assert(slot >= 0 && slot < arrivals.length + join.pending, `${at} has no slot ${slot}`);
    assert(!arrivals.some((other) => other.slot === slot), `slot ${slot} of ${at} is taken`);
    this.#arrivals.set(at, [...arrivals, { path, slot, result: result && JSON.parse(JSON.stringify(result)), output }]);
    const limited = join.node.kind === 'map' && join.node.concurrency !== undefined;
    assert.equal(releasesNext, limited, `only limited maps release their elements, and ${at} is one: ${limited}`);
    join.pending--;
    if (join.state === 'joining' && join.pending === 0) this.#move(join, 'ready');
    if (join.node.kind === 'map') this.#count(join, -1);
    if (releasesNext) this.#release(join, join.node as MapNode, 1);
  }

  #release(map: Row, node: MapNode, count: number): void {
    for (const end = map.turn + count; map.turn < end; map.turn++) {
      const element = this.rows.get(`${roundPath(map.path, map.turn)}${elementSuffix(node)}`);
      if (element?.state !== 'queued') continue;
      this.#move(element, 'ready');
      this.#count(map, 1);
    }
  }

  /** Elements of the map that are under way become more or fewer. */
  #count({ path, node }: Row, change: 1 | -1): void {
    const now = (this.#underWay.get(path) ?? 0) + change;
    assert(node.kind === 'map' && now <= (node.concurrency ?? now), `${now} elements of ${path} are under way`);
    this.#underWay.set(path, now);
  }

  #insert({ path, node, state, recipe, element, pending }: NewActivation, list?: readonly unknown[]): void {
    assert(!this.rows.has(path), `activation ${path} exists already`);
    assert.equal(nodeAt(this.tree.root, path), node, `${path} leads to another node`);
    const own = element === undefined ? undefined : jsonCodec.encode(list?.[element]);
    const columns = { ...encodeRecipe(recipe), own, output: undefined, pending: pending ?? null, cursor: 0, turn: 0 };
    const row: Row = { path, node, state: 'queued', ...columns };
    this.rows.set(path, row);
    this.#move(row, state);
  }

  #move(row: Row, state: Row['state']): void {
    const open = this.#open.indexOf(row);
    if (open >= 0) this.#open.splice(open, 1);
    row.state = state;
    if (state === 'ready' || state === 'delayed' || state === 'awaiting_signal') this.#open.push(row);
  }

  /** Puts a value together from the two columns of a row, reading no more than its `source` says where it has one. */
  #read({ source, recipe: stored, own }: Pick<Row, 'source' | 'recipe' | 'own'>): Promise<unknown> {
    const recipe = decodeRecipe(source, stored);
    assert.equal(soleSource(recipe) ?? null, source, `source column of ${JSON.stringify(recipe)}`);
    return assemble(recipe, {
      input: async () => jsonCodec.decode(this.#input),
      own: async () => jsonCodec.decode(present(own, 'own bytes')),
      output: async (path) => jsonCodec.decode(present(this.rows.get(path)?.output, `an output at ${path}`)),
      gather: async (join) => (this.#arrivals.get(join) ?? []).toSorted((a, b) => a.slot - b.slot),
      decode: (bytes) => jsonCodec.decode(bytes),
    });
  }
}

/** One activation follows another; only forks make more of them, one for each branch, behind their join. */
function assertBounded(activate: readonly NewActivation[], after: string): void {
  const branches = activate.reduce((sum, { pending = 0 }) => sum + pending, 0);
  assert(activate.length <= 1 + branches, `${after} is followed by ${activate.length} activations`);
}

function present(bytes: Uint8Array | undefined, what: string): Uint8Array {
  assert(bytes, `nothing is stored where a recipe wants ${what}`);
  return bytes;
}
