import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonCodec } from '../../../src/core/codec.js';
import { LoopResult, unwrapVerdict, verdictOf } from '../../../src/core/verdict.js';

describe('verdicts of loops', () => {
  test('say whether to go on, and give their value back', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(verdictOf(LoopResult.again(value))).toBe('again');
        expect(verdictOf(LoopResult.done(value))).toBe('done');
        expect(unwrapVerdict(LoopResult.again(value))).toBe(value);
        expect(unwrapVerdict(LoopResult.done(value))).toBe(value);
      }),
    );
  });

  test('are unwrapped one at a time', () => {
    expect(unwrapVerdict(LoopResult.done(LoopResult.again(1)))).toEqual(LoopResult.again(1));
  });

  test.each([
    undefined,
    null,
    0,
    '',
    'done',
    [],
    {},
    { value: 1 },
    { $loop: 'more', value: 1 },
    { $loop: undefined },
    () => 1,
  ])('%j is none, and is left as it is', (value) => {
    expect(verdictOf(value)).toBeUndefined();
    expect(unwrapVerdict(value)).toBe(value);
  });

  test.each([1, undefined, null, new Date(0), [1]])('keep %j on the way through the codec', (value) => {
    const stored = jsonCodec.decode(jsonCodec.encode(LoopResult.again(value)));
    expect(verdictOf(stored)).toBe('again');
    expect(unwrapVerdict(stored)).toEqual(value);
  });
});
