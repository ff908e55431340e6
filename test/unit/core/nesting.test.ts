/** The sequences and nestings that trip engines up, each with the result spelled out. */
import { describe, expect, test } from 'vitest';
import type { Node } from '../../../src/core/tree.js';
import { LoopResult } from '../../../src/core/verdict.js';
import { drive } from './driver.js';
import { child, delay, fork, loop, map, route, signal, task, tree } from './nodes.js';
import { interpret, type Oracle } from './reference.js';

const plusOne = task('plusOne', (n) => n + 1);
const twice = task('twice', (n) => n * 2);
const list = (length: number) => Array.from({ length }, (_, i) => i);

/** Every signal brings its position, and none times out in the loops' favour. */
const oracle: Oracle = (node, at) => (node.id.startsWith('late') ? { timedOut: true } : { payload: at.join('.') });

/** What a tree comes to, having come to the same in four orders and by the reference. */
async function outcomeOf(root: readonly Node[], input: unknown): Promise<unknown> {
  const meaning = interpret(root, input, oracle);
  for (const order of [[], [9_999], [1, 0, 2], [5, 3, 8, 1, 7]]) {
    for (const mapChunk of [1, 2, 1_000]) {
      const ended = await drive(tree(...root), input, { oracle, order, mapChunk });
      if (ended.failure !== undefined) expect(meaning.failures).toContainEqual(ended.failure);
      else expect(ended.output).toEqual(meaning.output);
    }
  }
  return meaning.output === undefined ? meaning.failures : meaning.output.value;
}

const expectOutcome = async (root: readonly Node[], input: unknown, expected: unknown) =>
  expect(await outcomeOf(root, input)).toEqual(expected);

/** Again until it is `end`, then done. */
const until = (end: number) => task('until', (n) => (n < end ? LoopResult.again(n + 1) : LoopResult.done(n)));

describe('delays and signals', () => {
  test('a delay may be first, last, both, or all there is', async () => {
    await expectOutcome([delay('d')], 7, 7);
    await expectOutcome([delay('d'), plusOne], 7, 8);
    await expectOutcome([plusOne, delay('d')], 7, 8);
    await expectOutcome([delay('d'), delay('e'), plusOne, delay('f'), delay('g')], 7, 8);
  });

  test('a signal brings its payload past delays; one that is late says so', async () => {
    await expectOutcome([signal('s'), delay('d')], 7, '0');
    await expectOutcome([delay('d'), signal('s', true), delay('e')], 7, { timedOut: false, payload: '1' });
    await expectOutcome([signal('late', true), delay('d')], 7, { timedOut: true });
    await expectOutcome([signal('s'), signal('t')], 7, '1');
  });

  test('a value of undefined passes like any other', async () => {
    await expectOutcome([task('nothing', () => undefined), delay('d'), fork('f', [[delay('e')], [plusOne]])], 1, [
      undefined,
      Number.NaN,
    ]);
  });
});

describe('forks', () => {
  test('give every branch the same input and the join the results in order', async () => {
    await expectOutcome([fork('f', [[plusOne], [delay('d')], [twice, twice]], (all) => ({ all }))], 5, {
      all: [6, 5, 20],
    });
  });

  test('without a join, as the last node, and one in the other yield tuples', async () => {
    await expectOutcome([plusOne, fork('f', [[plusOne], [fork('g', [[twice], [delay('d')]])]])], 1, [3, [4, 2]]);
  });

  test('hand a tuple that nobody joined on through a delay', async () => {
    await expectOutcome([fork('f', [[plusOne], [twice]]), delay('d'), task('sum', ([x, y]) => x + y)], 5, 16);
  });

  test('fail with what a branch fails with', async () => {
    const broken = task('broken', () => {
      throw new TypeError('broken');
    });
    await expectOutcome([fork('f', [[delay('d'), broken], [plusOne]])], 1, [{ error: 'TypeError', node: 'broken' }]);
  });
});

describe('routes', () => {
  const parity = (n: number) => (n % 2 === 0 ? 'even' : 'odd');

  test('yield branch and result, whatever the branch ends in', async () => {
    await expectOutcome([route('r', parity, { even: [delay('d')], odd: [plusOne] })], 4, { branch: 'even', result: 4 });
    await expectOutcome([route('r', parity, { even: [delay('d')], odd: [plusOne, delay('e')] })], 5, {
      branch: 'odd',
      result: 6,
    });
  });

  test('yield the actual key from a default branch, through whatever follows', async () => {
    const routed = route('r', parity, { even: [plusOne] }, [twice, delay('d')]);
    await expectOutcome([routed], 5, { branch: 'odd', result: 10 });
    await expectOutcome([fork('f', [[routed, delay('e')], [plusOne]])], 5, [{ branch: 'odd', result: 10 }, 6]);
  });

  test('yield each round its own key from a default branch in a loop', async () => {
    const counted = task('counted', ({ branch, result }) =>
      result < 3 ? LoopResult.again(result) : LoopResult.done(branch),
    );
    await expectOutcome([loop('l', [route('r', String, { x: [twice] }, [plusOne]), counted])], 0, '2');
  });

  test('one in the other yield both branches', async () => {
    const inner = route('q', parity, { even: [plusOne], odd: [twice] });
    await expectOutcome([route('r', parity, { even: [inner], odd: [inner] })], 3, {
      branch: 'odd',
      result: { branch: 'odd', result: 6 },
    });
  });

  test('fail for a key that has no branch', async () => {
    await expectOutcome([route('r', parity, { even: [plusOne] })], 3, [{ error: 'UnmatchedRouteError', node: 'r' }]);
  });
});

describe('loops', () => {
  test('run until done, and count executions', async () => {
    await expectOutcome([loop('l', [until(3)], { maxIterations: 4 })], 0, 3);
    await expectOutcome([loop('l', [until(3)], { maxIterations: 3 })], 0, [{ error: 'MaxIterationsError', node: 'l' }]);
    await expectOutcome([loop('l', [until(9)], { maxIterations: 3, onMax: 'exit_with_last' }), plusOne], 0, 4);
    await expectOutcome([loop('l', [until(9)], { maxIterations: 1, onMax: 'exit_with_last' })], 0, 1);
  });

  test('hear the verdict through delays and children behind it', async () => {
    await expectOutcome([loop('l', [until(3), delay('d')]), plusOne], 0, 4);
    await expectOutcome([loop('l', [until(3), delay('d'), child('c', [delay('e')])])], 0, 3);
    await expectOutcome([loop('l', [child('c', [plusOne, child('k', [until(3)])])])], 0, 3);
  });

  test('directly in a loop pass the inner verdict on to the outer', async () => {
    const both = task('both', (n) =>
      n % 3 < 2 ? LoopResult.again(n + 1) : LoopResult.done(n < 6 ? LoopResult.again(n + 1) : LoopResult.done(n)),
    );
    await expectOutcome([loop('outer', [loop('inner', [both])])], 0, 8);
    await expectOutcome([loop('outer', [loop('inner', [both, delay('d')]), delay('e')]), plusOne], 0, 9);
    const exhausted = loop('inner', [both], { maxIterations: 2, onMax: 'exit_with_last' });
    await expectOutcome([loop('outer', [exhausted])], 0, [{ error: 'LoopVerdictError', node: 'outer' }]);
  });

  test('take a verdict from a join or a signal', async () => {
    await expectOutcome(
      [
        loop('l', [
          fork('f', [[plusOne], [twice]], ([x, y]) => (y < 9 ? LoopResult.again(x) : LoopResult.done([x, y]))),
        ]),
      ],
      1,
      [6, 10],
    );
  });

  test.each<[string, Node[]]>([
    ['a task', [plusOne]],
    ['a delay', [delay('d')]],
    ['a route', [route('r', () => 'x', { x: [until(0)] })]],
    ['a fork without a join', [fork('f', [[until(0)]])]],
    ['a map', [task('list', () => [1]), map('m', [until(0)])]],
    ['an empty map', [task('list', () => []), map('m', [until(0)])]],
    ['a signal that timed out', [signal('late', true)]],
  ])('fail when their body ends without a verdict, in %s', async (_, body) => {
    await expectOutcome([loop('l', body)], 1, [{ error: 'LoopVerdictError', node: 'l' }]);
  });
});

describe('children', () => {
  test('may be used twice, and one in the other', async () => {
    const greet = child('greet', [plusOne, twice]);
    await expectOutcome([greet, { ...greet, id: 'greet#2' }], 1, 10);
    await expectOutcome([child('outer', [greet, child('inner', [greet, delay('d')])]), plusOne], 1, 11);
    await expectOutcome([fork('f', [[greet], [{ ...greet, id: 'greet#2' }]])], 1, [4, 4]);
  });
});

describe('maps', () => {
  test.each([0, 1, 2, 13, 1_000])(
    'yield the results of %i elements in order, as the last node or before another',
    async (length) => {
      const doubled = list(length).map((n) => n * 2);
      await expectOutcome([map('m', [twice])], list(length), doubled);
      await expectOutcome([map('m', [twice], 3), delay('d'), task('count', (all) => all.length)], list(length), length);
    },
  );

  test('of maps yield lists of lists, empty ones too', async () => {
    await expectOutcome([map('m', [map('n', [twice])])], [[1, 2], [], [3]], [[2, 4], [], [6]]);
    await expectOutcome(
      [map('m', [map('n', [map('o', [twice], 1)], 1), delay('d')], 2)],
      [[[1], []], [[2, 3]]],
      [[[2], []], [[4, 6]]],
    );
  });

  const heads: [string, Node[], unknown[]][] = [
    ['task', [twice], [2, 4, 6]],
    ['delay', [delay('d')], [1, 2, 3]],
    ['delay and a task', [delay('d'), twice], [2, 4, 6]],
    [
      'fork',
      [fork('f', [[twice], [delay('d')]])],
      [
        [2, 1],
        [4, 2],
        [6, 3],
      ],
    ],
    ['fork with a join', [fork('f', [[twice], [delay('d')]], ([x, y]) => x - y)], [1, 2, 3]],
    ['signal', [signal('s')], ['0.0.0', '0.1.0', '0.2.0']],
    [
      'signal that is late',
      [signal('late', true), delay('d')],
      [{ timedOut: true }, { timedOut: true }, { timedOut: true }],
    ],
    [
      'route',
      [route('r', String, { 2: [twice] }, [delay('d')])],
      [
        { branch: '1', result: 1 },
        { branch: '2', result: 4 },
        { branch: '3', result: 3 },
      ],
    ],
    ['loop', [loop('l', [until(2)])], [2, 2, 3]],
    ['loop of a loop', [loop('k', [loop('l', [task('both', (n) => LoopResult.done(LoopResult.done(n)))])])], [1, 2, 3]],
    ['child', [child('c', [delay('d'), child('k', [twice])])], [2, 4, 6]],
  ];
  test.each(heads)('run a body that begins with a %s, with and without a limit', async (_, body, expected) => {
    for (const concurrency of [undefined, 1, 2, 5]) {
      await expectOutcome([map('m', body, concurrency)], [1, 2, 3], expected);
      await expectOutcome([map('m', body, concurrency)], [], []);
    }
  });

  test.each([undefined, null, 7, 'text', { length: 1 }])('fail on %j, which is no list', async (input) => {
    await expectOutcome([map('m', [twice])], input, [{ error: 'MapInputError', node: 'm' }]);
  });
});

test('a fork in a route in a loop in a map, and the map inside out', async () => {
  const forked = fork('f', [[twice], [delay('d'), plusOne]], ([x, y]) => x + y);
  const routed = route('r', (n) => (n < 10 ? 'small' : 'large'), { small: [forked] }, [delay('e')]);
  const verdict = task('verdict', ({ branch, result }) =>
    branch === 'small' ? LoopResult.again(result) : LoopResult.done([branch, result]),
  );
  await expectOutcome(
    [map('m', [loop('l', [routed, verdict])], 2)],
    [1, 5, 20],
    [
      ['large', 13],
      ['large', 16],
      ['large', 20],
    ],
  );
  const collected = task('collected', ([first]) => LoopResult.done(first));
  await expectOutcome(
    [fork('f', [[route('r', () => 'x', { x: [loop('l', [map('m', [twice]), collected])] })]])],
    [3],
    [{ branch: 'x', result: 6 }],
  );
});
