import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Node, nodeAt, type Sequence, sequencesOf } from '../../../src/core/tree.js';
import { trees } from './arbitraries.js';
import { child, delay, fork, loop, map, route, signal, task } from './nodes.js';

const same = (value: unknown) => value;
const [a, b, c] = [task('a', same), task('b', same), task('c', same)];

/** Every node with the paths that lead to it, spelled out once more: rounds are tried at 0 and 7. */
function placesOf(sequence: Sequence, prefix: string): [string, Node][] {
  return sequence.flatMap((node, i): [string, Node][] => {
    const path = `${prefix}/${i}`;
    const rounds = (body: Sequence) => [0, 7].flatMap((round) => placesOf(body, `${path}#${round}`));
    switch (node.kind) {
      case 'fork':
        return [[path, node], ...node.branches.flatMap(({ body }, n) => placesOf(body, `${path}/b${n}`))];
      case 'route': {
        const bodies = [...node.branches.map(({ body }) => body), ...(node.otherwise ? [node.otherwise] : [])];
        return [[path, node], ...bodies.flatMap((body, n) => placesOf(body, `${path}/b${n}`))];
      }
      case 'loop':
        return [[path, node], ...rounds(node.body)];
      case 'map':
        return [[path, node], [`${path}#0`, node], [`${path}#7`, node], ...rounds(node.body)];
      case 'child':
        return [[path, node], ...placesOf(node.body, path)];
      default:
        return [[path, node]];
    }
  });
}

const steps = fc.oneof(
  fc.nat(3).map((n) => `/${n}`),
  fc.nat(3).map((n) => `/b${n}`),
  fc.constantFrom('#0', '#7'),
);

describe('nodeAt', () => {
  test('finds every node of every tree by each of its paths', () => {
    fc.assert(
      fc.property(trees(4), ({ root }) => {
        for (const [path, node] of placesOf(root, '')) expect(nodeAt(root, path)).toBe(node);
      }),
    );
  });

  test('finds nothing by any other path', () => {
    fc.assert(
      fc.property(trees(3), fc.nat(), fc.array(steps, { maxLength: 3 }), fc.nat(4), ({ root }, pick, more, cut) => {
        const places = new Map(placesOf(root, ''));
        const known = [...places.keys()][pick % places.size] as string;
        const path = `${known.slice(0, known.length - cut)}${more.join('')}`;
        const node = places.get(path);
        if (node === undefined) expect(() => nodeAt(root, path)).toThrow(RangeError);
        else expect(nodeAt(root, path)).toBe(node);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(['', '/1', '/0/0', '/0/b2/0', '/0/b0/1', '/0/b0', '/0#0/0', 'nonsense'])(
    'throws for %j in a fork of two tasks',
    (path) => {
      expect(() => nodeAt([fork('f', [[a], [b]])], path)).toThrow(RangeError);
    },
  );

  test.each(['/0/b0/0', '/0/0', '/0#0', '/0#0#0', '/0#0/1'])('throws for %j in a loop of one task', (path) => {
    expect(() => nodeAt([loop('l', [a])], path)).toThrow(RangeError);
  });

  test('leads an element to its map, and the branch after the last to the default', () => {
    const routed = route('r', String, { x: [a] }, [b, c]);
    const mapped = map('m', [routed]);
    expect(nodeAt([mapped], '/0#7')).toBe(mapped);
    expect(nodeAt([mapped], '/0#7/0')).toBe(routed);
    expect(nodeAt([mapped], '/0#7/0/b0/0')).toBe(a);
    expect(nodeAt([mapped], '/0#7/0/b1/1')).toBe(c);
  });
});

test('sequencesOf gives what paths number: branches in order, the default last, one body for the others', () => {
  const otherwise = [c];
  expect(sequencesOf(fork('f', [[a], [b]]))).toEqual([[a], [b]]);
  expect(sequencesOf(route('r', String, { x: [a], y: [b] }))).toEqual([[a], [b]]);
  expect(sequencesOf(route('r', String, { x: [a] }, otherwise))).toEqual([[a], otherwise]);
  for (const node of [loop('l', [a, b]), child('k', [a, b]), map('m', [a, b])])
    expect(sequencesOf(node)).toEqual([[a, b]]);
  for (const node of [a, delay('d'), signal('s')]) expect(sequencesOf(node)).toEqual([]);
});
