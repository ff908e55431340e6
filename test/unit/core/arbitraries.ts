/**
 * Random trees of every kind of node, nested to a bounded depth, whose functions are deterministic: they sign their
 * input with the id of their node. Maps mostly get lists and loops mostly end in verdicts, but not always.
 */
import fc from 'fast-check';
import type { Node, Sequence, SignalNode, Tree } from '../../../src/core/tree.js';
import { child, delay, fork, loop, map, route, signal, task, tree, type ValueFunction } from './nodes.js';
import type { Oracle, Position } from './reference.js';

/** What a function makes of its input. */
const MAKES = {
  /** One value, signed. */
  mark: (id: string) => (value: unknown) => `${id}(${digest(value)})`,
  /** The input itself. */
  same: () => (value: unknown) => value,
  nothing: () => () => undefined,
  /** No, one or several elements. */
  list: (id: string) => (value: unknown) => list(hash(id, value) % 4, (i) => `${id}.${i}(${digest(value)})`),
  /** A list of lists. */
  grid: (id: string) => (value: unknown) =>
    list(hash(id, value) % 3, (i) => list(hash(id, value, i) % 3, (j) => `${id}.${i}.${j}(${digest(value)})`)),
  verdict: (id: string) => (value: unknown) => verdict(hash(id, value), `${id}(${digest(value)})`),
  /** A verdict for the loop around the loop around it. */
  verdictInDone: (id: string) => (value: unknown) => ({
    $loop: hash(id, value, 'outer') % 3 === 0 ? 'again' : 'done',
    value: verdict(hash(id, value), `${id}(${digest(value)})`),
  }),
  throws: (id: string) => () => {
    throw Object.assign(new Error(`${id} is meant to fail`), { name: 'MeantError' });
  },
} as const;

type Makes = keyof typeof MAKES;

/** A tree before its nodes have ids and functions: plain data, so that a counterexample can be read. */
type Shape =
  | { readonly kind: 'task'; readonly makes: Makes }
  | { readonly kind: 'delay' }
  | { readonly kind: 'signal'; readonly brings: 'mark' | 'list' | 'verdict'; readonly timeout: boolean }
  | { readonly kind: 'fork'; readonly bodies: readonly Shapes[]; readonly join: Makes | undefined }
  | {
      readonly kind: 'route';
      readonly bodies: readonly Shapes[];
      readonly otherwise: Shapes | undefined;
      readonly lost: boolean;
    }
  | {
      readonly kind: 'loop';
      readonly body: Shapes;
      readonly maxIterations: number;
      readonly onMax: 'fail' | 'exit_with_last';
    }
  | { readonly kind: 'child'; readonly body: Shapes }
  | { readonly kind: 'map'; readonly body: Shapes; readonly concurrency: number | undefined };
type Shapes = readonly Shape[];

/** Random trees of at most `depth` levels. */
export function trees(depth: number): fc.Arbitrary<Tree> {
  return sequences(depth).map((shapes) => {
    let count = 0;
    const root = build(shapes, () => `n${count++}`);
    return Object.assign(tree(...root), { [fc.toStringMethod]: () => JSON.stringify(shapes) });
  });
}

/** What the outside world says, derived from where it is asked. */
export const oracles: fc.Arbitrary<Oracle> = fc.nat().map((seed) => {
  const oracle = (node: SignalNode, at: Position) => {
    const chance = hash(seed, at.join('.'));
    if (node.timeoutMs !== undefined && chance % 2 === 0) return { timedOut: true } as const;
    const payload = `${node.id}@${at.join('.')}`;
    if (node.signal.startsWith('list')) return { payload: list(chance % 3, (i) => `${payload}.${i}`) };
    return { payload: node.signal.startsWith('verdict') ? verdict(chance >> 1, payload) : payload };
  };
  return Object.assign(oracle, { [fc.toStringMethod]: () => `oracle ${seed}` });
});

export const inputs: fc.Arbitrary<unknown> = fc.oneof(
  fc.nat(9),
  fc.array(fc.nat(9), { maxLength: 3 }),
  fc.constant(undefined),
);

/** Orders in which things happen: see `World.order`. */
export const orders: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(9_999), { maxLength: 60 });

const makes = (...some: Makes[]): Shape[] => some.map((each) => ({ kind: 'task', makes: each }));
const DELAY: Shape = { kind: 'delay' };

const sequences = fc.memo(
  (depth): fc.Arbitrary<Shapes> => fc.array(steps(depth), { minLength: 1, maxLength: 3 }).map((each) => each.flat()),
);

/** One node, or the two that belong together: whoever makes a list, and the map of it. */
function steps(depth: number): fc.Arbitrary<Shapes> {
  // Trees grow in breadth and depth while there is room: few of them should be over after a leaf or two.
  const share = depth <= 1 ? 3 : 1;
  const leaves = [
    {
      weight: 10 * share,
      arbitrary: fc
        .constantFrom<Makes>('mark', 'mark', 'mark', 'same', 'nothing', 'list', 'verdict')
        .map((each) => makes(each)),
    },
    { weight: 4 * share, arbitrary: fc.constant([DELAY]) },
    { weight: 4 * share, arbitrary: signals('mark') },
    { weight: depth <= 1 ? 1 : 0, arbitrary: fc.constant(makes('throws')) },
  ];
  if (depth <= 1) return fc.oneof(...leaves);
  const body = sequences(depth - 1);
  const nested = [
    {
      weight: 12,
      arbitrary: forks(body, fc.option(fc.constant<Makes>('mark'), { nil: undefined })).map((each) => [each]),
    },
    { weight: 12, arbitrary: routes(body) },
    { weight: 12, arbitrary: loops(loopBodies(depth - 1)) },
    { weight: 8, arbitrary: body.map((each): Shapes => [{ kind: 'child', body: each }]) },
    { weight: 16, arbitrary: maps(body, body) },
  ];
  return fc.oneof(...leaves, ...nested);
}

function signals(brings: 'mark' | 'list' | 'verdict', timeout = fc.boolean()): fc.Arbitrary<Shapes> {
  return timeout.map((each): Shapes => [{ kind: 'signal', brings, timeout: each }]);
}

function forks(body: fc.Arbitrary<Shapes>, join: fc.Arbitrary<Makes | undefined>): fc.Arbitrary<Shape> {
  return fc.record({
    kind: fc.constant('fork' as const),
    bodies: fc.array(body, { minLength: 1, maxLength: 3 }),
    join,
  });
}

function routes(body: fc.Arbitrary<Shapes>): fc.Arbitrary<Shapes> {
  const bodies = fc.array(body, { minLength: 1, maxLength: 3 });
  const lost = fc.nat(4).map((chance) => chance === 4);
  return fc
    .record({ kind: fc.constant('route' as const), bodies, otherwise: fc.option(body, { nil: undefined }), lost })
    .map((each) => [each]);
}

function loops(body: fc.Arbitrary<Shapes>): fc.Arbitrary<Shapes> {
  const onMax = fc.nat(4).map((chance) => (chance === 4 ? 'fail' : 'exit_with_last'));
  return fc
    .record({ kind: fc.constant('loop' as const), body, maxIterations: fc.integer({ min: 1, max: 4 }), onMax })
    .map((each) => [each]);
}

/** Sequences that end in a verdict, in one way or another; now and then in none. */
function loopBodies(depth: number): fc.Arbitrary<Shapes> {
  const verdicts = fc.constant(makes('verdict'));
  const flat = fc.oneof(
    { weight: 6, arbitrary: verdicts },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Shapes>([...makes('verdict'), DELAY], [...makes('verdict'), DELAY, DELAY]),
    },
    { weight: 2, arbitrary: signals('verdict', fc.constant(false)) },
    { weight: 1, arbitrary: fc.constant<Shapes>([...makes('verdict'), { kind: 'child', body: [DELAY] }]) },
  );
  if (depth <= 1) return flat;
  const body = sequences(depth - 1);
  const inDone = fc.oneof(fc.constant(makes('verdictInDone')), fc.constant<Shapes>([...makes('verdictInDone'), DELAY]));
  const before = fc.oneof(fc.constant<Shapes>([]), body);
  const end = fc.oneof(
    { weight: 20, arbitrary: flat },
    { weight: 5, arbitrary: loops(inDone) },
    { weight: 5, arbitrary: loopBodies(depth - 1).map((each): Shapes => [{ kind: 'child', body: each }]) },
    { weight: 5, arbitrary: forks(body, fc.constant('verdict')).map((each) => [each]) },
    { weight: 2, arbitrary: routes(loopBodies(depth - 1)) },
    { weight: 2, arbitrary: body },
  );
  return fc.tuple(before, end).map((both) => both.flat());
}

function maps(body: fc.Arbitrary<Shapes>, lists: fc.Arbitrary<Shapes>): fc.Arbitrary<Shapes> {
  const concurrency = fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined });
  const one = (inside: fc.Arbitrary<Shapes>) =>
    fc.record({ kind: fc.constant('map' as const), body: inside, concurrency });
  const tuple = forks(lists, fc.constant(undefined)).map((each): Shapes => [each]);
  const listed = fc.oneof(
    { weight: 6, arbitrary: fc.constant(makes('list')) },
    signals('list', fc.constant(false)),
    tuple,
  );
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(listed, one(body)).map(([before, each]) => [...before, each]) },
    { weight: 2, arbitrary: one(one(body).map((each) => [each])).map((each) => [...makes('grid'), each]) },
    { weight: 1, arbitrary: one(body).map((each) => [each]) },
  );
}

function build(shapes: Shapes, nextId: () => string): Sequence {
  return shapes.map((shape) => node(shape, nextId(), nextId));
}

function node(shape: Shape, id: string, nextId: () => string): Node {
  const made = (what: Makes): ValueFunction => MAKES[what](id);
  const inside = (shapes: Shapes) => build(shapes, nextId);
  switch (shape.kind) {
    case 'task':
      return task(id, made(shape.makes));
    case 'delay':
      return delay(id);
    case 'signal':
      return { ...signal(id, shape.timeout), signal: `${shape.brings}-${id}` };
    case 'fork':
      return fork(id, shape.bodies.map(inside), shape.join && made(shape.join));
    case 'route': {
      const bodies = shape.bodies.map((body, i) => [`key${i}`, inside(body)] as const);
      const otherwise = shape.otherwise && inside(shape.otherwise);
      const keys = bodies.length + (shape.lost || otherwise !== undefined ? 1 : 0);
      return route(id, (value) => `key${hash(id, value) % keys}`, Object.fromEntries(bodies), otherwise);
    }
    case 'loop':
      return loop(id, inside(shape.body), shape);
    case 'child':
      return child(id, inside(shape.body));
    case 'map':
      return map(id, inside(shape.body), shape.concurrency);
  }
}

const list = <T>(length: number, element: (i: number) => T): T[] => Array.from({ length }, (_, i) => element(i));

const verdict = (chance: number, value: unknown) => ({ $loop: chance % 5 < 3 ? 'again' : 'done', value });

const digest = (value: unknown): string => hash(value).toString(36);

/** FNV-1a over the JSON of the parts, `undefined` told from null. */
function hash(...parts: readonly unknown[]): number {
  const text = JSON.stringify(parts, (_, value) => (value === undefined ? '\0' : value));
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  // The lowest bits of FNV are poor, and they decide.
  return (state ^ (state >>> 15)) >>> 0;
}
