import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, queueName, UnreadableMessageError } from '../../../src/core/message.js';
import { type Message, PRIORITIES, type QueueSpec } from '../../../src/core/model.js';

const HASH = '0123456789abcdef'.repeat(4);
const spec = (parts: Partial<QueueSpec> = {}): QueueSpec => ({
  workflow: 'checkout',
  hash: HASH,
  tags: [],
  priority: 3,
  ...parts,
});
const message: Message = { run: '42', path: '/2/b0/1#3/0', readyAt: 1_700_000_000_000.25, publishedAt: 5, losses: 0 };
const decodeJson = (value: unknown) => decodeMessage(Buffer.from(JSON.stringify(value)));
const wire = { v: 1, run: '42', path: '/0', readyAt: 1, publishedAt: 2, losses: 0 };

describe('the name of a queue', () => {
  test('is the namespace, the workflow and the start of its structure hash', () => {
    expect(queueName('default', spec())).toBe('baton.default.checkout@0123456789abcdef');
  });

  test('names a priority other than the default', () => {
    expect(queueName('default', spec({ priority: 1 }))).toBe('baton.default.checkout@0123456789abcdef.p1');
  });

  test('carries a short hash of the tags before the priority', () => {
    expect(queueName('default', spec({ tags: ['gpu'], priority: 5 }))).toMatch(
      /^baton\.default\.checkout@\w{16}\.t[0-9a-f]{8}\.p5$/,
    );
  });

  test('is the same for the same set of tags, however they are listed', () => {
    expect(queueName('n', spec({ tags: ['b', 'a', 'b'] }))).toBe(queueName('n', spec({ tags: ['a', 'b'] })));
    expect(queueName('n', spec({ tags: ['a,b'] }))).not.toBe(queueName('n', spec({ tags: ['a', 'b'] })));
  });

  test('is at most 255 bytes and printable, whatever the spec says', () => {
    const anySpec = fc.record({
      workflow: fc.string({ unit: 'grapheme', maxLength: 400 }),
      hash: fc.string({ unit: 'grapheme', maxLength: 80 }),
      tags: fc.array(fc.string({ maxLength: 64 }), { maxLength: 20 }),
      priority: fc.constantFrom(...PRIORITIES),
    });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), anySpec, (namespace, any) => {
        expect(queueName(namespace, any)).toMatch(
          /^baton\.[\w~-]{1,64}\.[\w~-]{1,64}@[\w~-]{1,33}(\.t[0-9a-f]{8})?(\.p[1245])?$/,
        );
      }),
    );
  });

  test('differs for every two namespaces and workflows', () => {
    const pair = fc.tuple(fc.string({ maxLength: 80 }), fc.string({ maxLength: 80 }));
    fc.assert(
      fc.property(pair, pair, ([namespace, workflow], [otherNamespace, otherWorkflow]) => {
        fc.pre(namespace !== otherNamespace || workflow !== otherWorkflow);
        expect(queueName(namespace, spec({ workflow }))).not.toBe(
          queueName(otherNamespace, spec({ workflow: otherWorkflow })),
        );
      }),
    );
  });
});

describe('the bytes of a message', () => {
  const step = fc.tuple(fc.constantFrom('/', '/b', '#'), fc.nat()).map(([kind, n]) => `${kind}${n}`);
  const arbitrary: fc.Arbitrary<Message> = fc
    .record({
      run: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
      path: fc.array(step, { minLength: 1 }).map((steps) => steps.join('')),
      readyAt: fc.double({ min: 0, max: 8e15, noNaN: true }).map((n) => n + 0),
      publishedAt: fc.nat(),
      losses: fc.nat(),
      traceparent: fc.option(fc.string(), { nil: undefined }),
    })
    .map(({ traceparent, ...rest }) => (traceparent === undefined ? rest : { ...rest, traceparent }));

  test('say the same after a round trip', () => {
    fc.assert(
      fc.property(arbitrary, (any) => {
        expect(decodeMessage(encodeMessage(any))).toStrictEqual(any);
      }),
    );
  });

  test('are a pointer of less than 150 bytes', () => {
    expect(encodeMessage(message).byteLength).toBeLessThan(150);
  });

  test('are read from the middle of a larger buffer', () => {
    const padded = Buffer.concat([Buffer.from('xx'), encodeMessage(message), Buffer.from('yy')]);
    expect(decodeMessage(padded.subarray(2, padded.length - 2))).toStrictEqual(message);
  });

  test('may have fields that this version does not know', () => {
    expect(decodeJson({ ...wire, later: true })).toStrictEqual({
      run: '42',
      path: '/0',
      readyAt: 1,
      publishedAt: 2,
      losses: 0,
    });
  });

  test.each([
    ['nothing', undefined, 'not JSON'],
    ['a list', [], 'not a JSON object'],
    ['null', null, 'not a JSON object'],
    ['no version', { ...wire, v: undefined }, 'version undefined instead of 1'],
    ['a later version', { ...wire, v: 2 }, 'version 2 instead of 1'],
    ['a numeric run', { ...wire, run: 42 }, "run isn't the key of a run"],
    ['a run that is no number', { ...wire, run: '4x' }, "run isn't the key of a run"],
    ['a run that no bigint holds', { ...wire, run: '9223372036854775808' }, "run isn't the key of a run"],
    ['no path', { ...wire, path: undefined }, "path isn't a path"],
    ['a path that is none', { ...wire, path: '/0/x' }, "path isn't a path"],
    ['a path with a null byte', { ...wire, path: '/0\u0000' }, "path isn't a path"],
    ['a readyAt in words', { ...wire, readyAt: 'now' }, "readyAt isn't milliseconds since the epoch"],
    ['a negative publishedAt', { ...wire, publishedAt: -1 }, "publishedAt isn't milliseconds since the epoch"],
    ['half a loss', { ...wire, losses: 0.5 }, "losses isn't a count"],
    ['a traceparent that is no text', { ...wire, traceparent: 7 }, "traceparent isn't a string"],
  ])('with %s are refused with the reason', (_, value, reason) => {
    const bytes = value === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value));
    expect(() => decodeMessage(bytes)).toThrow(expect.objectContaining({ code: 'UNREADABLE_MESSAGE', reason }));
  });

  test('that are garbage are always refused with the typed error and nothing else', () => {
    const mutated = fc.tuple(arbitrary, fc.nat(), fc.uint8Array({ maxLength: 8 })).map(([any, at, noise]) => {
      const bytes = encodeMessage(any);
      bytes.set(noise.subarray(0, Math.max(0, bytes.length - (at % bytes.length))), at % bytes.length);
      return bytes;
    });
    const garbage = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      mutated,
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableMessageError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
