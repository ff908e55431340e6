import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, advanceMap, advanceRoute, begin, looksAtValue, openGate } from '../../../src/core/advance.js';
import { comparePaths } from '../../../src/core/path.js';
import { encodeRecipe } from '../../../src/core/recipe.js';
import type { Node } from '../../../src/core/tree.js';
import { LoopResult } from '../../../src/core/verdict.js';
import { inputs, oracles, orders, trees } from './arbitraries.js';
import { drive, type Ended, positionOf } from './driver.js';
import { child, delay, fork, loop, map, route, signal, task, tree } from './nodes.js';
import { interpret, type Meaning } from './reference.js';

const TREES = process.env.BATON_LONG ? 30_000 : 1_500;

function expectToMean(ended: Ended, meaning: Meaning): void {
  if (ended.failure !== undefined) {
    expect(meaning.failures).toContainEqual(ended.failure);
    return;
  }
  expect(ended.output).toEqual(meaning.output);
  const visited = [...ended.rows.keys()].filter((path) => !/#\d+$/.test(path)).sort(comparePaths);
  expect(visited.map((path) => positionOf(path).join('.'))).toEqual(meaning.visits);
}

describe('random trees', () => {
  test('come to what the reference interpreter says, each node once, in whatever order things happen', {
    timeout: 20 * TREES,
  }, async () => {
    const chunks = fc.integer({ min: 1, max: 4 });
    const property = fc.asyncProperty(
      trees(4),
      inputs,
      oracles,
      fc.tuple(orders, orders),
      chunks,
      async (tree, input, oracle, both, mapChunk) => {
        const meaning = interpret(tree.root, input, oracle);
        for (const order of both) {
          const ended = await drive(tree, input, { oracle, order, mapChunk });
          expectToMean(ended, meaning);
        }
      },
    );
    await fc.assert(property, { numRuns: TREES });
  });

  test('decide the same when the same decision is taken twice', async () => {
    const property = fc.asyncProperty(trees(4), inputs, oracles, async (tree, input, oracle) => {
      const decided: string[][] = [[], []];
      for (const log of decided) {
        const ended = await drive(tree, input, {
          oracle,
          onEffects: ({ path }, effects) => log.push(path, JSON.stringify(effects)),
        });
        log.push(JSON.stringify([ended.output, ended.failure]));
      }
      expect(decided[0]).toEqual(decided[1]);
    });
    await fc.assert(property);
  });
});

describe('long runs', () => {
  const mark = (value: unknown) => String(value).length;
  /** One step of each kind; routes and forks end in tasks, for otherwise the value itself would grow. */
  const kinds: Record<string, (id: string) => Node[]> = {
    task: (id) => [task(id, mark)],
    delay: (id) => [delay(id)],
    signal: (id) => [signal(id, true)],
    fork: (id) => [fork(id, [[task(`${id}l`, mark)], [delay(`${id}r`), task(`${id}t`, mark)]])],
    join: (id) => [fork(id, [[delay(`${id}l`)], [delay(`${id}r`)]], mark)],
    route: (id) => [route(id, () => 'x', { x: [task(`${id}x`, mark), delay(`${id}d`)] })],
    otherwise: (id) => [route(id, () => 'y', { x: [delay(`${id}x`)] }, [task(`${id}y`, mark), delay(`${id}d`)])],
    loop: (id) => [loop(id, [task(`${id}v`, (n) => LoopResult.done(mark(n))), delay(`${id}d`)])],
    child: (id) => [child(id, [delay(`${id}d`), task(`${id}t`, mark)])],
    map: (id) => [task(`${id}l`, (n) => [n, 1]), map(id, [delay(`${id}d`), task(`${id}t`, mark)])],
  };

  test('300 steps long keep their recipes short and follow each step with one decision of bounded size', async () => {
    const steps = fc.array(fc.constantFrom(...Object.values(kinds)), { minLength: 300, maxLength: 300 });
    const property = fc.asyncProperty(steps, orders, async (makers, order) => {
      const chain = tree(...makers.flatMap((make, i) => make(`n${i}`)));
      let longest = 0;
      let most = 0;
      const ended = await drive(chain, 1, {
        order,
        oracle: () => ({ timedOut: true }),
        onEffects: (_, { activate, arrive, finish }) => {
          const recipes = [...activate.map(({ recipe }) => recipe), arrive?.result, finish].filter(
            (recipe) => recipe !== undefined,
          );
          for (const recipe of recipes) longest = Math.max(longest, (encodeRecipe(recipe).recipe ?? '').length);
          most = Math.max(most, activate.length);
        },
      });
      expect(ended.failure).toBeUndefined();
      expect(longest).toBeLessThan(80);
      expect(most).toBeLessThanOrEqual(3);
    });
    await fc.assert(property, { numRuns: 5 });
  });

  test('300 rounds long neither', async () => {
    let longest = 0;
    const counting = loop(
      'l',
      [task('n', (n) => (n < 299 ? LoopResult.again(n + 1) : LoopResult.done(n + 1))), delay('d')],
      { maxIterations: 300 },
    );
    const ended = await drive(tree(counting), 0, {
      oracle: () => ({ timedOut: true }),
      onEffects: (_, { activate }) => {
        for (const { recipe } of activate) longest = Math.max(longest, JSON.stringify(recipe).length);
      },
    });
    expect(ended.output).toEqual({ value: 300 });
    expect(ended.rows.size).toBe(600);
    expect(longest).toBeLessThan(40);
  });
});

describe('what follows', () => {
  const same = (value: unknown) => value;
  const [a, b] = [task('a', same), task('b', same)];

  test('a start is the first node, as far in as it takes', () => {
    const [first, ...more] = begin(tree(child('c', [loop('l', [a])])));
    expect(first).toMatchObject({ path: '/0/0#0/0', node: a, state: 'ready', recipe: ['input'] });
    expect(more).toEqual([]);
  });

  test('a fork that is entered is its join, waiting for every branch, and their first nodes with the same input', () => {
    const { activate } = advance(
      tree(a, fork('f', [[a], [delay('d'), b], [fork('g', [[b]])]])),
      '/0',
      ['output', '/0'],
      undefined,
    );
    expect(activate.map(({ path, state, pending, recipe }) => [path, state, pending, recipe])).toEqual([
      ['/1', 'joining', 3, ['gather', '/1']],
      ['/1/b0/0', 'ready', undefined, ['output', '/0']],
      ['/1/b1/0', 'delayed', undefined, ['output', '/0']],
      ['/1/b2/0', 'joining', 1, ['gather', '/1/b2/0']],
      ['/1/b2/0/b0/0', 'ready', undefined, ['output', '/0']],
    ]);
  });

  test('an arrival says its slot, and how to get at its value only where that is not its own output', () => {
    const forked = tree(fork('f', [[a], [b, delay('d')]]));
    expect(advance(forked, '/0/b0/0', ['output', '/0/b0/0'], 1).arrive).toEqual({
      join: '/0',
      slot: 0,
      result: undefined,
      releasesNext: false,
    });
    expect(advance(forked, '/0/b1/1', ['output', '/0/b1/0'], undefined).arrive).toEqual({
      join: '/0',
      slot: 1,
      result: ['output', '/0/b1/0'],
      releasesNext: false,
    });
  });

  test('a map goes in by chunks; under a limit its elements are queued, and an arrival releases the next', () => {
    const limited = map('m', [a], 2);
    const step = advanceMap(limited, '/0', 5, 2, 2);
    expect(step).toMatchObject({ kind: 'chunk', next: 4, running: 2 });
    expect(step.kind === 'chunk' && step.activate.map(({ path, state, element }) => [path, state, element])).toEqual([
      ['/0#2/0', 'queued', 2],
      ['/0#3/0', 'queued', 3],
    ]);
    expect(advanceMap(map('m', [a]), '/0', 3, 2, 100)).toMatchObject({
      next: 3,
      running: 3,
      activate: [{ state: 'ready' }],
    });
    expect(advanceMap(limited, '/0', 1, 0, 100)).toMatchObject({ next: 1, running: 1 });
    expect(advanceMap(limited, '/0', 0, 0, 100)).toEqual({ kind: 'empty' });
    expect(advance(tree(limited), '/0#3/0', ['output', '/0#3/0'], 1).arrive).toMatchObject({
      slot: 3,
      releasesNext: true,
    });
  });

  test('only the end of a loop looks at its value, through children too', () => {
    const looped = tree(
      delay('x'),
      loop('l', [delay('y'), child('c', [delay('z'), delay('e')])]),
      fork('f', [[delay('g')]]),
    );
    expect(['/0', '/1#2/0', '/1#2/1/0', '/1#2/1/1', '/2/b0/0'].map((path) => looksAtValue(looped, path))).toEqual([
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  test('what no tree can say is a RangeError: such a path was never made', () => {
    const mapped = tree(map('m', [delay('d')]), route('r', String, { x: [a] }));
    expect(() => advance(mapped, '/0#1', ['own'], 1)).toThrow(RangeError);
    expect(() => advance(mapped, '/7/b0/0', ['input'], 1)).toThrow(RangeError);
    expect(() => advanceRoute(mapped, '/1', ['input'], 1)).toThrow(RangeError);
    expect(() => openGate(mapped, '/1#0')).toThrow(RangeError);
    expect(() => begin(tree())).toThrow(RangeError);
    expect(() => begin(tree(fork('f', [[]])))).toThrow(RangeError);
  });
});
