import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DefinitionMismatchError } from '../../../src/core/errors.js';
import { branch, flow, LoopResult, signal, task } from '../../../src/core/flow.js';
import { structureHash } from '../../../src/core/hash.js';
import { treeFromJson, treeToJson } from '../../../src/core/structure.js';
import type { ForkNode, RouteNode, TaskNode } from '../../../src/core/tree.js';

const same = <T>(value: T): T => value;
const every = flow<unknown>('every', { version: '1', metadata: { owner: 'me' } })
  .then('first', same, {
    priority: 2,
    tags: ['gpu'],
    timeout: '5s',
    retry: 3,
    version: '9',
    metadata: { input: 'kept' },
    input: z.any(),
    output: z.any(),
  })
  .delay('rest', '1s')
  .waitForSignal(signal('go', { schema: z.any() }), { timeout: '1m' })
  .fork([branch('left', task('l', same)), branch('right', flow('r').delay('d', 1))])
  .fork([branch('left', same)])
  .join('merge', same)
  .route('which', (): string => 'yes', ['yes'])
  .branch('yes', same)
  .defaultBranch(same)
  .done()
  .route('plain', () => 'yes', ['yes'])
  .branch('yes', same)
  .done()
  .loop('again', (v) => LoopResult.done(v), { maxIterations: 5, onMax: 'exit_with_last' })
  .then('list', () => [1])
  .map('each', same, { concurrency: 2 })
  .thenFlow(flow('child', { version: '2' }).then(task.transaction('write', same)))
  .build();
const stored = (): unknown => JSON.parse(JSON.stringify(treeToJson(every.tree)));

describe('a tree stored as JSON', () => {
  test('comes back with everything but functions and schemas', () => {
    const withoutFunctions = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (_, each) => (typeof each === 'function' ? 'function' : each)));
    const expected = withoutFunctions(every.tree) as { root: [{ policy: object }, unknown, { schema?: unknown }] };
    delete (expected.root[0].policy as { input?: unknown }).input;
    delete (expected.root[0].policy as { output?: unknown }).output;
    delete expected.root[2].schema;
    expect(withoutFunctions(treeFromJson(stored()))).toEqual(expected);
  });

  test('keeps its hash, which can be computed again', () => {
    const tree = treeFromJson(stored());
    expect([tree.hash, structureHash(tree)]).toEqual([every.hash, every.hash]);
  });

  test('is the same when stored again', () => {
    expect(treeToJson(treeFromJson(stored()))).toEqual(stored());
  });

  test('has functions that say where the real ones are', () => {
    const { root } = treeFromJson(stored());
    const [first, , , plain, merge, which] = root as unknown as [
      TaskNode,
      unknown,
      unknown,
      ForkNode,
      ForkNode,
      RouteNode,
    ];
    for (const fn of [first.fn, merge.join?.fn, which.key]) {
      expect(fn as () => unknown).toThrow(DefinitionMismatchError);
    }
    expect(first.fn as () => unknown).toThrow(/task first has no function here/);
    expect(plain.join).toBeUndefined();
  });

  test.each([null, 'x', {}, { format: 2 }])('of another format (%j) is refused', (json) => {
    expect(() => treeFromJson(json)).toThrow(DefinitionMismatchError);
  });

  test("is what a workflow's toJSON gives", () => {
    expect(JSON.parse(JSON.stringify(every))).toEqual(stored());
  });
});
