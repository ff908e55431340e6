import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonCodec } from '../../../src/core/codec.js';
import {
  type Arrival,
  assemble,
  decodeRecipe,
  encodeRecipe,
  type Recipe,
  type RecipeValues,
  soleSource,
} from '../../../src/core/recipe.js';
import { LoopResult } from '../../../src/core/verdict.js';

const paths = fc.constantFrom('/0', '/1', '/2/b0/1#3/0');

const { recipe: recipes } = fc.letrec<{ recipe: Recipe }>((tie) => ({
  recipe: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<Recipe>(['input'], ['own'], ['timedOut']),
    paths.map((path): Recipe => ['output', path]),
    paths.map((path): Recipe => ['gather', path]),
    tie('recipe').map((inner): Recipe => ['unwrap', inner]),
    fc.tuple(fc.string(), tie('recipe')).map(([key, inner]): Recipe => ['branch', key, inner]),
    fc.tuple(paths, tie('recipe')).map(([path, inner]): Recipe => ['default', path, inner]),
  ),
}));

/** Values by name, and the reads that were made. */
function values(outputs: Record<string, unknown> = {}, arrivals: readonly Arrival[] = []) {
  const reads: string[] = [];
  const read = (name: string, value: unknown) => {
    reads.push(name);
    return Promise.resolve(value);
  };
  const source: RecipeValues = {
    input: () => read('', 'the input'),
    own: () => read('own', 'own bytes'),
    output: (path) => read(path, outputs[path] ?? `the output of ${path}`),
    gather: (join) => read(`gather ${join}`, arrivals) as Promise<readonly Arrival[]>,
    decode: (bytes) => jsonCodec.decode(bytes),
  };
  return { source, reads };
}

describe('recipes', () => {
  test('come back from the columns that they are stored in', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const { source, recipe: stored } = encodeRecipe(recipe);
        expect(decodeRecipe(source, stored)).toEqual(recipe);
      }),
    );
  });

  test('are stored as a source alone where they are plain references', () => {
    expect(encodeRecipe(['output', '/0'])).toEqual({ source: '/0', recipe: null });
    expect(encodeRecipe(['input'])).toEqual({ source: '', recipe: null });
  });

  test('are the bytes of the row itself where it has neither column', () => {
    expect(decodeRecipe(null, null)).toEqual(['own']);
  });

  test('read their sole source and nothing else, where they have one', async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const { source, reads } = values();
        await assemble(recipe, source);
        const sole = soleSource(recipe);
        if (sole !== undefined) expect(reads).toEqual([sole]);
        else
          expect(
            reads.every(
              (read) => read === 'own' || read.startsWith('gather') || JSON.stringify(recipe).includes('default'),
            ),
          ).toBe(true);
      }),
    );
  });

  test.each<[Recipe, unknown]>([
    [['input'], 'the input'],
    [['own'], 'own bytes'],
    [['output', '/0'], LoopResult.done(LoopResult.again(7))],
    [['unwrap', ['output', '/0']], LoopResult.again(7)],
    [['unwrap', ['unwrap', ['output', '/0']]], 7],
    [['unwrap', ['output', '/1']], 'no verdict'],
    [['branch', 'ship', ['output', '/1']], { branch: 'ship', result: 'no verdict' }],
    [['branch', 'a', ['branch', 'b', ['input']]], { branch: 'a', result: { branch: 'b', result: 'the input' } }],
    [['default', '/1', ['unwrap', ['unwrap', ['output', '/0']]]], { branch: 'no verdict', result: 7 }],
    [['timedOut'], undefined],
    [['branch', 'late', ['timedOut']], { branch: 'late', result: undefined }],
  ])('%j puts its value together', async (recipe, expected) => {
    const { source } = values({ '/0': LoopResult.done(LoopResult.again(7)), '/1': 'no verdict' });
    expect(await assemble(recipe, source)).toEqual(expected);
  });

  test('gather what arrived in the order given: own outputs, recipes, and outputs that were not brought along', async () => {
    const { source, reads } = values({}, [
      { path: '/0/b0/0', result: undefined, output: jsonCodec.encode({ first: 1 }) },
      { path: '/0/b1/1', result: ['branch', 'x', ['input']], output: undefined },
      { path: '/0/b2/0', result: undefined, output: undefined },
      // A recipe counts more than bytes: the row's own output may be something else, a route's key or a gate's element.
      { path: '/0/b3/0', result: ['own'], output: jsonCodec.encode('not this') },
    ]);
    expect(await assemble(['gather', '/0'], source)).toEqual([
      { first: 1 },
      { branch: 'x', result: 'the input' },
      'the output of /0/b2/0',
      'own bytes',
    ]);
    expect(reads).toEqual(['gather /0', '', '/0/b2/0', 'own']);
  });

  test('gather nothing as an empty list', async () => {
    expect(await assemble(['gather', '/0'], values().source)).toEqual([]);
  });

  test('reject with what reading and decoding reject with', async () => {
    const broken = { ...values().source, output: () => Promise.reject(new Error('away')) };
    await expect(assemble(['branch', 'x', ['unwrap', ['output', '/0']]], broken)).rejects.toThrow('away');
    const garbled = values({}, [{ path: '/0/b0/0', result: undefined, output: Buffer.from('{') }]);
    await expect(assemble(['gather', '/0'], garbled.source)).rejects.toThrow(SyntaxError);
  });
});
