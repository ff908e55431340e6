/** Values put together from what is stored. */
import { expect, test } from 'vitest';
import { type Codec, jsonCodec } from '../../../src/core/codec.js';
import { CodecError } from '../../../src/core/errors.js';
import type { Recipe } from '../../../src/core/recipe.js';
import { readValue } from '../../../src/runtime/values.js';

const locked: Codec = {
  encode: jsonCodec.encode,
  decode() {
    throw new Error('wrong key');
  },
};
const stored = jsonCodec.encode(1);
const store = {
  runInput: async () => stored,
  outputs: async (refs: readonly unknown[]) => refs.map(() => stored),
  gather: async () => [{ path: '/0/b0/0', result: undefined, output: stored }],
};

test.each<[string, Recipe, Uint8Array | undefined]>([
  ["the run's input", ['input'], undefined],
  ["a row's own bytes", ['own'], stored],
  ['an output', ['output', '/0'], undefined],
  ['an output that came along', ['output', '/0'], stored],
  ['what arrived at a join', ['gather', '/0'], undefined],
])('%s that the codec cannot read is a CodecError, which no retry can mend', async (_, recipe, bytes) => {
  const error: unknown = await readValue({ store, codec: locked }, '7', { recipe, bytes }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(CodecError);
  expect(String(error)).toMatch(/run 7.*wrong key/);
});
