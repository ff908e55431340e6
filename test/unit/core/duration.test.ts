import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toMs } from '../../../src/core/duration.js';
import { BatonError, InvalidDurationError } from '../../../src/core/errors.js';

const DAY = 86_400_000;

describe('toMs', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 2 * DAY],
    ['1.5h', 5_400_000],
    ['5 minutes', 300_000],
    ['0s', 0],
    [0, 0],
    [1_500, 1_500],
  ])('takes %j for %i milliseconds', (duration, ms) => {
    expect(toMs(duration)).toBe(ms);
  });

  test.each([
    '',
    ' ',
    '10',
    '-5s',
    '5x',
    '5',
    's',
    '1h30m',
    '1e3s',
    'Infinity',
    'NaNs',
    '101y',
    '36600d',
    -1,
    Number.NaN,
    Infinity,
    101 * 366 * DAY,
    null,
    undefined,
    {},
    [],
    Object.create(null),
    true,
    Symbol('5s'),
    5n,
  ])('refuses %p', (duration) => {
    expect(() => toMs(duration as never)).toThrow(InvalidDurationError);
  });

  test('says in the error what was given and what would do', () => {
    expect(() => toMs('10')).toThrow(/"10" is no duration; write .*'30s'/);
    expect(() => toMs('10')).toThrow(
      expect.objectContaining({ code: 'INVALID_DURATION', name: 'InvalidDurationError' }),
    );
    expect(() => toMs('10')).toThrow(BatonError);
  });

  test('takes any number of milliseconds up to a century as it is', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 100 * 365 * DAY, noNaN: true }), (ms) => toMs(ms) === ms));
  });

  test('reads every unit as that many of the next smaller one', () => {
    const smaller = { s: ['ms', 1_000], m: ['s', 60], h: ['m', 60], d: ['h', 24] } as const;
    fc.assert(
      fc.property(fc.nat(1_000), fc.constantFrom('s', 'm', 'h', 'd'), (n, unit) => {
        const [next, times] = smaller[unit];
        expect(toMs(`${n}${unit}`)).toBe(toMs(`${n * times}${next}`));
      }),
    );
  });
});
