import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NonRetryableError } from '../../../src/core/errors.js';
import type { SerializedError } from '../../../src/core/model.js';
import { deserializeError, redact, serializeError } from '../../../src/core/serialize-error.js';

const chainOf = (error: SerializedError | undefined): number => (error === undefined ? 0 : 1 + chainOf(error.cause));

describe('serializeError', () => {
  test('keeps name, message, stack, code and cause', () => {
    const cause = Object.assign(new TypeError('inner'), { code: 'EINNER' });
    const error = new NonRetryableError('outer', { cause });
    expect(serializeError(error)).toEqual({
      name: 'NonRetryableError',
      message: 'outer',
      code: 'NON_RETRYABLE',
      stack: error.stack,
      cause: { name: 'TypeError', message: 'inner', code: 'EINNER', stack: cause.stack },
    });
  });

  test('drops a code that is no string', () => {
    expect(serializeError(Object.assign(new Error('m'), { code: 404 }))).not.toHaveProperty('code');
  });

  test('keeps causes eight deep, and survives a circle of them', () => {
    const circular = new Error('a');
    circular.cause = new Error('b', { cause: circular });
    expect(chainOf(serializeError(circular))).toBe(8);
    expect(chainOf(serializeError(new Error('a', { cause: new Error('b') })))).toBe(2);
  });

  test('shows the first of several errors, since together they often say nothing', () => {
    const error = new AggregateError([new Error('refused'), new Error('also')], '');
    expect(serializeError(error).cause).toMatchObject({ message: 'refused' });
  });

  test.each([
    ['boom', 'boom'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42, '42'],
    [{ why: 'so' }, '{"why":"so"}'],
    [Symbol('s'), 'Symbol(s)'],
    [10n, '10'],
  ])('takes %p, which is no error, for a message', (thrown, message) => {
    expect(serializeError(thrown)).toEqual({ name: 'Error', message });
  });

  test('takes an object with a message for an error, as those of other realms are', () => {
    expect(serializeError({ name: 'ApiError', message: 'no', code: 'E_NO' })).toEqual({
      name: 'ApiError',
      message: 'no',
      code: 'E_NO',
    });
  });

  test('cuts message and stack', () => {
    const error = new Error('x'.repeat(100_000));
    const { message, stack } = serializeError(error);
    expect([message.length, stack?.length]).toEqual([8_192, 8_192]);
  });

  test('leaves nothing that Postgres text refuses', () => {
    const { message } = serializeError(new Error(`a\u0000b\ud800c${'x'.repeat(8_186)}\ud83d\ude00`));
    expect(message).not.toContain('\u0000');
    expect(message.isWellFormed()).toBe(true);
  });

  test('survives getters and proxies that throw', () => {
    const hostile = new Error('m');
    for (const key of ['stack', 'name', 'message', 'code', 'cause', 'errors']) {
      Object.defineProperty(hostile, key, {
        get() {
          throw new Error('hostile');
        },
      });
    }
    expect(serializeError(hostile)).toEqual({ name: 'Error', message: "an error whose message can't be read" });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(serializeError(proxy)).toEqual({ name: 'Error', message: expect.any(String) });
    expect(
      serializeError({
        toString: () => {
          throw new Error('no');
        },
        toJSON: () => {
          throw new Error('no');
        },
      }).message,
    ).toMatch(/can't be shown/);
  });

  test('makes something storable of whatever is thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, stringUnit: 'binary' }), (thrown) => {
        const strings: unknown[] = [];
        const { message } = JSON.parse(JSON.stringify(serializeError(thrown)), (_, value) => {
          if (typeof value === 'string') strings.push(value);
          return value;
        });
        expect(typeof message).toBe('string');
        expect(strings.filter((text) => String(text).includes('\u0000'))).toEqual([]);
      }),
      { examples: [[{ '\u0000': 0 }], ['\u0000']] },
    );
  });
});

describe('deserializeError', () => {
  test('makes an Error of it again', () => {
    const error = Object.assign(new RangeError('outer', { cause: new Error('inner') }), { code: 'E' });
    const back = deserializeError(serializeError(error));
    expect(back).toBeInstanceOf(Error);
    expect(back).toMatchObject({
      name: 'RangeError',
      message: 'outer',
      stack: error.stack,
      code: 'E',
      cause: { message: 'inner' },
    });
    expect(serializeError(back)).toEqual(serializeError(error));
  });
});

describe('redact', () => {
  test.each([
    ['postgres://user:secret@db.local:5433/shop', 'db.local:5433/shop'],
    ['amqp://guest:secret@localhost:5672/%2f', 'localhost:5672/%2f'],
    ['postgres://db.local/shop?password=secret', 'db.local/shop'],
    ['amqp://localhost', 'localhost'],
  ])('shows %s as %s', (url, shown) => {
    expect(redact(url)).toBe(shown);
  });

  test('shows nothing of what it cannot read', () => {
    expect(redact('host=db password=secret')).not.toContain('secret');
    expect(redact('postgres://u:secret@host:notaport/db')).not.toContain('secret');
  });
});
