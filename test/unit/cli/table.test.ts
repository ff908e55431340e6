import { describe, expect, test } from 'vitest';
import { cut, cutLeft, table, wrap } from '../../../src/cli/table.js';

test('a table is as wide as it needs to be, without columns that are empty', () => {
  expect(
    table(
      ['A', 'B', 'C'],
      [
        ['one', '', '1'],
        ['two more', '', ''],
      ],
    ),
  ).toEqual(['A         C', 'one       1', 'two more']);
});

describe('what is too long', () => {
  test('loses its end, or its beginning', () => {
    expect([cut('abcdef', 4), cut('abcd', 4), cut('abcdef')]).toEqual(['abc…', 'abcd', 'abcdef']);
    expect([cutLeft('abcdef', 4), cutLeft('abcd', 4)]).toEqual(['…def', 'abcd']);
  });

  test('is broken between words; a word that is longer than a line stays whole', () => {
    expect(wrap('one two three', 8, '  ')).toEqual(['one two', '  three']);
    expect(wrap('  a verylongword b', 6)).toEqual(['  a', 'verylongword', 'b']);
    expect(wrap('one two three')).toEqual(['one two three']);
  });
});
