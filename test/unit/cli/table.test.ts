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

test('columns give way in their order until the line fits, and then all of them', () => {
  const rows = [['a-long-identifier', 'waiting', 'for something else']];
  const fitted = (columns: number) =>
    table(['ID', 'STATE', 'WHY'], rows, {
      columns,
      yielding: [
        ['WHY', 5],
        ['ID', 8],
      ],
    })[1];
  expect(fitted(80)).toBe('a-long-identifier  waiting  for something else');
  expect(fitted(36)).toBe('a-long-identifier  waiting  for som…');
  expect(fitted(30)).toBe('a-long-identi…  waiting  for …');
  expect(fitted(10)).toBe('a-l…  …  …');
});

describe('what is too long', () => {
  test('loses its end, or its beginning', () => {
    expect([cut('abcdef', 4), cut('abcd', 4), cut('abcdef')]).toEqual(['abc…', 'abcd', 'abcdef']);
    expect([cutLeft('abcdef', 4), cutLeft('abcd', 4)]).toEqual(['…def', 'abcd']);
    expect([cut('訂單訂單', 6), cut('訂單訂單', 5), cutLeft('訂單訂單', 6)]).toEqual(['訂單…', '訂單…', '…訂單']);
  });

  test('is broken between words; a word that is longer than a line stays whole', () => {
    expect(wrap('one two three', 8, '  ')).toEqual(['one two', '  three']);
    expect(wrap('  a verylongword b', 6)).toEqual(['  a', 'verylongword', 'b']);
    expect(wrap('one two three')).toEqual(['one two three']);
  });
});
