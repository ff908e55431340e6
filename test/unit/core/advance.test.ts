import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePaths } from '../../../src/core/path.js';
import { inputs, oracles, orders, trees } from './arbitraries.js';
import { drive, positionOf } from './driver.js';
import { interpret } from './reference.js';

const RUNS = 1_200 * (process.env['BATON_LONG'] ? 20 : 1);

describe('every tree means what the reference interpreter says', () => {
  test('whatever happens in whatever order', async () => {
    let failing = 0;
    let visits = 0;
    const t0 = Date.now();
    await fc.assert(
      fc.asyncProperty(trees(4), inputs, oracles, orders, fc.integer({ min: 1, max: 4 }), async (tree, input, oracle, order, mapChunk) => {
        const meaning = interpret(tree.root, input, oracle);
        const ended = await drive(tree, input, { oracle, order, mapChunk });
        visits += ended.rows.size;
        if (ended.failure !== undefined) {
          failing++;
          expect(meaning.failures).toContainEqual(ended.failure);
          return;
        }
        expect(ended.output).toEqual(meaning.output);
        const visited = [...ended.rows.keys()].filter((path) => !/#\d+$/.test(path)).sort(comparePaths);
        expect(visited.map((path) => positionOf(path).join('.'))).toEqual(meaning.visits);
      }),
      { numRuns: RUNS },
    );
    console.log({ failing, visits, ms: Date.now() - t0 });
  }, 600_000);
});
