import { describe, expect, test } from 'vitest';
import { jsonBlock, jsonLine } from '../../../src/cli/json.js';

describe('values as JSON text', () => {
  test('richer values take the nearest form that JSON has', () => {
    const rich = {
      at: new Date(0),
      big: 12345678901234567890n,
      bytes: Buffer.from('hi'),
      plainBytes: new Uint8Array([1, 2]),
      set: new Set([1, 2n]),
      map: new Map<unknown, unknown>([['a', new Date(0)]]),
      nan: Number.NaN,
      pattern: /x/g,
      nothing: undefined,
    };
    expect(JSON.parse(jsonLine(rich))).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      big: '12345678901234567890',
      bytes: 'aGk=',
      plainBytes: 'AQI=',
      set: [1, '2'],
      map: [['a', '1970-01-01T00:00:00.000Z']],
      nan: 'NaN',
      pattern: '/x/g',
    });
  });

  test('undefined is null, and a cycle says so', () => {
    expect(jsonLine(undefined)).toBe('null');
    const cycle: Record<string, unknown> = { n: 1 };
    cycle.self = cycle;
    expect(JSON.parse(jsonLine(cycle))).toEqual({ n: 1, self: '(circular)' });
  });

  test('the same object twice is no cycle', () => {
    const same = { a: 1 };
    expect(JSON.parse(jsonLine({ x: same, y: [same, same] }))).toEqual({ x: same, y: [same, same] });
  });

  test('a block is indented', () => {
    expect(jsonBlock({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}');
  });
});
