import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Codec, decodePayload, encodePayload, jsonCodec } from '../../../src/core/codec.js';
import { CodecError, PayloadTooLargeError } from '../../../src/core/errors.js';

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value));
const text = (value: unknown): string => Buffer.from(jsonCodec.encode(value)).toString();

describe('what JSON can hold', () => {
  test('is stored as plain JSON', () => {
    for (const value of [
      null,
      true,
      0,
      -1.5,
      '',
      'ü\u0000"',
      [],
      {},
      [1, [2, { a: [] }]],
      { id: 'A-1', items: ['mug'], nested: { n: null } },
    ]) {
      expect(text(value)).toBe(JSON.stringify(value));
    }
  });

  test('comes back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
    );
  });

  test('keeps half surrogate pairs', () => {
    expect(roundTrip(['\ud800', { '\udc00': '\ud83d\ude00' }])).toStrictEqual(['\ud800', { '\udc00': '\ud83d\ude00' }]);
  });

  test('keeps a key called __proto__ without touching any prototype', () => {
    const value = JSON.parse('{"__proto__": {"admin": true}}');
    expect(Object.hasOwn(roundTrip(value) as object, '__proto__')).toBe(true);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('what JSON would lose', () => {
  const rich: Record<string, unknown> = {
    'a date': new Date('2026-01-02T03:04:05.678Z'),
    'an invalid date': new Date(Number.NaN),
    bytes: new Uint8Array([0, 1, 255]),
    'no bytes': new Uint8Array(),
    undefined: undefined,
    'a bigint': 2n ** 80n,
    'a map': new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 1 }, new Map([[1n, new Date(0)]])],
    ]),
    'a set': new Set([1, 'a', new Set([undefined])]),
    'not a number': Number.NaN,
    infinity: Infinity,
    'minus infinity': -Infinity,
    'minus zero': -0,
    'undefined in an object': { a: undefined, b: 1 },
    'undefined in a list': [undefined, 1],
    // biome-ignore lint/suspicious/noSparseArray: this is what is tested
    'a hole in a list': [1, , 3],
    'an object without prototype': Object.assign(Object.create(null), { a: 1 }),
    'a regular expression': /a+b/gi,
    'a URL': new URL('https://example.org/a?b=c'),
    'other typed arrays': [new Float64Array([1.5, Number.NaN]), new BigInt64Array([-1n]), new Uint16Array([1, 65_535])],
    'an array buffer': new Uint8Array([1, 2, 3]).buffer,
    'half a surrogate pair beside them': { 'k\udc00': '\ud800\\\ud800', at: new Date(0) },
  };
  test.each(Object.entries(rich))('%s comes back as it was', (_, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
    expect(roundTrip({ deep: [{ value }] })).toStrictEqual({ deep: [{ value }] });
  });

  test.each([
    ['empty', Buffer.alloc(0)],
    ['short', Buffer.from('short')],
    ['long', Buffer.alloc(20_000, 'x')],
  ])('a Buffer (%s) stays one', (_, buffer) => {
    const back = roundTrip({ buffer }) as { buffer: Buffer };
    expect(Buffer.isBuffer(back.buffer)).toBe(true);
    expect(back.buffer.equals(buffer)).toBe(true);
  });

  test('of bytes that are a part of a larger memory only that part is stored', () => {
    const pool = Buffer.from('public SECRET public');
    const part = new Uint8Array(pool.buffer, pool.byteOffset, 6);
    expect(text([part, Buffer.from('small')]).length).toBeLessThan(150);
    expect(Buffer.from((roundTrip([part]) as [Uint8Array])[0]).toString()).toBe('public');
    const unaligned = new DataView(pool.buffer, pool.byteOffset + 1, 3);
    expect((roundTrip(unaligned) as DataView).byteLength).toBe(3);
  });

  test('a cycle and a thing in two places stay what they are', () => {
    const node: { self?: unknown; name: string } = { name: 'n' };
    node.self = node;
    const back = roundTrip(node) as typeof node;
    expect(back.self).toBe(back);
    expect(roundTrip(Array.from({ length: 60 }).reduce((inner) => [inner, inner], 0))).toBeDefined();
  });

  test('nesting deeper than JSON is walked through comes back too', () => {
    const deep = Array.from({ length: 500 }).reduce((inner) => ({ inner }), 'bottom');
    expect(roundTrip(deep)).toStrictEqual(deep);
  });

  test('any mixture comes back as it was', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      stringUnit: 'binary',
      key: fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});

describe('what nothing can hold', () => {
  class Money {
    constructor(readonly cents: number) {}
    toJSON() {
      return this.cents;
    }
  }
  class Registry extends Map<string, number> {}
  class Bytes extends Uint8Array {}
  class Moment extends Date {}
  class List extends Array<number> {}
  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a promise', Promise.resolve(1)],
    ['an instance of a class', new Money(5)],
    ['an error', new Error('boom')],
    ['an instance of a class that extends Map', new Registry()],
    ['an instance of a class that extends Uint8Array', new Bytes(2)],
    ['an instance of a class that extends Date', new Moment()],
    ['an instance of a class that extends Array', new List()],
    ['an object with a toJSON of its own', { toJSON: () => 1 }],
    ['an object with a symbol as a key', { [Symbol('s')]: 1 }],
    ['a weak map', new WeakMap()],
  ])('%s is refused and never dropped', (_, value) => {
    expect(() => jsonCodec.encode(value)).toThrow(CodecError);
    expect(() => jsonCodec.encode({ inside: [value] })).toThrow(CodecError);
  });

  test('the error says where it stands', () => {
    expect(() => jsonCodec.encode({ a: [1, { run: () => 1 }] })).toThrow(/at value\.a\[1\]\.run; use plain data/);
  });
});

describe('encodePayload and decodePayload', () => {
  const where = 'output of task charge';

  test('bytes up to the limit pass, one more is refused, saying what it is', () => {
    expect(encodePayload(jsonCodec, 'x'.repeat(8), { where, limit: 10 }).byteLength).toBe(10);
    const encode = () => encodePayload(jsonCodec, 'x'.repeat(9), { where, limit: 10 });
    expect(encode).toThrow(PayloadTooLargeError);
    expect(encode).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', bytes: 11, limit: 10 }));
    expect(encode).toThrow(/output of task charge takes 11 bytes, more than 10/);
  });

  test('whatever a codec throws becomes a CodecError with its cause', () => {
    const cause = new Error('no key');
    const broken: Codec = {
      encode: () => {
        throw cause;
      },
      decode: () => {
        throw cause;
      },
    };
    expect(() => encodePayload(broken, 1, { where, limit: 10 })).toThrow(
      expect.objectContaining({ name: 'CodecError', cause }),
    );
    expect(() => decodePayload(broken, new Uint8Array(), where)).toThrow(
      expect.objectContaining({ name: 'CodecError', cause }),
    );
    expect(() => decodePayload(broken, new Uint8Array(), where)).toThrow(/output of task charge can't be read.*no key/);
  });

  test('a codec that returns no bytes is refused', () => {
    const asynchronous = { encode: async () => new Uint8Array(), decode: () => 1 } as unknown as Codec;
    expect(() => encodePayload(asynchronous, 1, { where, limit: 10 })).toThrow(/must return a Uint8Array/);
  });

  test("bytes that are not the codec's are refused", () => {
    expect(() => decodePayload(jsonCodec, Buffer.from('{"a":'), where)).toThrow(CodecError);
    expect(() => decodePayload(jsonCodec, Buffer.from('~[["Nothing",1]]'), where)).toThrow(CodecError);
  });

  test('a view into a larger memory is decoded from its own bytes', () => {
    const memory = Buffer.from('xx{"a":1}xx');
    expect(decodePayload(jsonCodec, new Uint8Array(memory.buffer, memory.byteOffset + 2, 7), where)).toEqual({ a: 1 });
  });
});
