import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  branchPath,
  comparePaths,
  indexPath,
  parentPath,
  parsePath,
  ROOT,
  roundPath,
  type Step,
} from '../../../src/core/path.js';

const numbers = fc.oneof(fc.nat(12), fc.constantFrom(99, 100, 9_999, 10_000));

/** Steps as a tree can take them: into a sequence's node, then perhaps further in. */
const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(fc.tuple(fc.constantFrom('branch', 'round', 'child'), numbers, numbers), { maxLength: 5 })
  .chain((ways) =>
    fc.tuple(numbers, fc.option(numbers)).map(([first, gate]) => {
      const inner = ways.flatMap(([kind, number, index]): Step[] => {
        const node: Step = { kind: 'index', index };
        if (kind === 'child') return [node];
        return [kind === 'branch' ? { kind, branch: number } : { kind: 'round', round: number }, node];
      });
      const end: Step[] = gate === null ? [] : [{ kind: 'round', round: gate }];
      return [{ kind: 'index', index: first }, ...inner, ...end];
    }),
  );

const write = (path: readonly Step[]): string =>
  path.reduce((before, step) => {
    if (step.kind === 'index') return indexPath(before, step.index);
    return step.kind === 'branch' ? branchPath(before, step.branch) : roundPath(before, step.round);
  }, ROOT);

describe('paths', () => {
  test('read like the grammar says', () => {
    expect(
      write([
        { kind: 'index', index: 2 },
        { kind: 'branch', branch: 0 },
        { kind: 'index', index: 1 },
        { kind: 'round', round: 3 },
        { kind: 'index', index: 0 },
      ]),
    ).toBe('/2/b0/1#3/0');
  });

  test('come back from their text as the steps they were written from', () => {
    fc.assert(
      fc.property(steps, (path) => {
        expect(parsePath(write(path))).toEqual(path);
      }),
    );
  });

  test('lose exactly their last step to their parent', () => {
    fc.assert(
      fc.property(steps, (path) => {
        expect(parentPath(write(path))).toEqual({ parent: write(path.slice(0, -1)), step: path.at(-1) });
      }),
    );
  });

  test.each(['x', '/', '//1', '/b', '#', '/1#', '/1#x', '/-1', '/1.5', '/1 ', ' /1', '1', '/1/', '/c1', '/1\n'])(
    '%j is none',
    (text) => {
      expect(() => parsePath(text)).toThrow(RangeError);
    },
  );

  test.each(['', '/', 'x', '/1/'])('%j has no parent', (text) => {
    expect(() => parentPath(text)).toThrow(RangeError);
  });

  test('are ordered by number, not by letter, and behind the node that they lie in', () => {
    const ordered = [
      '/0',
      '/1',
      '/1#0',
      '/1#0/0',
      '/1#2/0',
      '/1#9/0',
      '/1#10/0',
      '/1#10/0/b1/0',
      '/2',
      '/2/b0/0',
      '/2/b0/10',
      '/2/b1/0',
      '/10',
    ];
    expect([...ordered].reverse().sort(comparePaths)).toEqual(ordered);
  });

  test('are equal in order only to themselves, and the order has no circles', () => {
    // Of one tree: what stands behind one node is all branches, all rounds, or all a child's.
    const flat = fc
      .array(numbers, { minLength: 1, maxLength: 5 })
      .map((all) => all.map((n, i) => (i % 2 === 0 ? `/${n}` : `#${n}`)).join(''));
    fc.assert(
      fc.property(flat, flat, flat, (a, b, c) => {
        expect(Math.sign(comparePaths(a, b))).toBe(-Math.sign(comparePaths(b, a)) + 0);
        expect(comparePaths(a, b) === 0).toBe(a === b);
        if (comparePaths(a, b) <= 0 && comparePaths(b, c) <= 0) expect(comparePaths(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
