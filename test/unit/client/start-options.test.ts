import { describe, expect, test } from 'vitest';
import { planStart, type StartOptions } from '../../../src/client/start-options.js';
import { ConfigError } from '../../../src/core/errors.js';

describe('the options of a start', () => {
  test('left out they are a new UUID, fail, priority 3 and no metadata', () => {
    expect(planStart()).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      conflict: 'fail',
      priority: 3,
      metadata: null,
    });
  });

  test('an id of 256 bytes is taken as it is', () => {
    expect(planStart({ id: 'é'.repeat(128) }).id).toBe('é'.repeat(128));
  });

  test.each([
    [{ id: '' }, /1 to 256 bytes/],
    [{ id: 'é'.repeat(129) }, /has 258/],
    [{ id: 'a\0b' }, /NUL/],
    [{ id: 7 }, /a string, not number/],
    [{ conflict: 'replace' }, /fail, use_existing, terminate_existing, not "replace"/],
    [{ priority: 6 }, /1 \(critical\) to 5 \(minimal\), not 6/],
    [{ priority: '1' }, /not 1/],
    [{ metadata: () => 1 }, /JSON can hold, not function/],
    [{ metadata: { n: 1n } }, /JSON can hold/],
    [{ idd: 'x' }, /start\(\) has no option "idd"/],
  ])('%o is refused with what is wrong', (options, message) => {
    expect(() => planStart(options as unknown as StartOptions)).toThrow(ConfigError);
    expect(() => planStart(options as unknown as StartOptions)).toThrow(message);
  });

  test('metadata is stored as its JSON', () => {
    expect(planStart({ metadata: { tenant: 'a', list: [1, null] } }).metadata).toBe('{"tenant":"a","list":[1,null]}');
  });
});
