import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidDefinitionError, InvalidDurationError } from '../../../src/core/errors.js';
import { nextDelayMs, normaliseRetry, type RetryPolicy } from '../../../src/core/retry.js';

const DEFAULTS = { initialDelayMs: 1_000, backoffMultiplier: 2, maxDelayMs: Number.MAX_SAFE_INTEGER, jitter: 0 };

describe('normaliseRetry', () => {
  test('takes a number for maxRetries, with the defaults', () => {
    expect(normaliseRetry(3, 'task t')).toEqual({ maxRetries: 3, ...DEFAULTS });
    expect(normaliseRetry({ maxRetries: 0 }, 'task t')).toEqual({ maxRetries: 0, ...DEFAULTS });
  });

  test('keeps what is given, in milliseconds', () => {
    const policy = { maxRetries: 5, initialDelay: '200ms', backoffMultiplier: 1.5, maxDelay: '5s', jitter: 0.5 };
    expect(normaliseRetry(policy, 'task t')).toEqual({
      maxRetries: 5,
      initialDelayMs: 200,
      backoffMultiplier: 1.5,
      maxDelayMs: 5_000,
      jitter: 0.5,
    });
  });

  test.each([
    [-1, 'maxRetries'],
    [1.5, 'maxRetries'],
    [Number.NaN, 'maxRetries'],
    [{ maxRetries: Infinity }, 'maxRetries'],
    [{}, 'maxRetries'],
    [{ maxRetries: 1, backoffMultiplier: 0.5 }, 'backoffMultiplier'],
    [{ maxRetries: 1, backoffMultiplier: Number.NaN }, 'backoffMultiplier'],
    [{ maxRetries: 1, backoffMultiplier: Infinity }, 'backoffMultiplier'],
    [{ maxRetries: 1, jitter: 1.1 }, 'jitter'],
    [{ maxRetries: 1, jitter: -0.1 }, 'jitter'],
  ])('refuses %j, naming the task and the field', (retry, field) => {
    const normalise = () => normaliseRetry(retry as RetryPolicy, 'task charge');
    expect(normalise).toThrow(InvalidDefinitionError);
    expect(normalise).toThrow(`task charge: retry.${field}`);
  });

  test('refuses delays that are none', () => {
    expect(() => normaliseRetry({ maxRetries: 1, initialDelay: '-1s' }, 'task t')).toThrow(InvalidDurationError);
    expect(() => normaliseRetry({ maxRetries: 1, maxDelay: '10' }, 'task t')).toThrow(InvalidDurationError);
  });
});

describe('nextDelayMs', () => {
  test('grows by the multiplier up to the cap', () => {
    const policy = normaliseRetry({ maxRetries: 9, initialDelay: '200ms', maxDelay: '1s' }, 'task t');
    expect([1, 2, 3, 4, 5].map((n) => nextDelayMs(policy, n, 0))).toEqual([200, 400, 800, 1_000, 1_000]);
  });

  test('takes the jitter off, so that it never comes above the cap', () => {
    const policy = normaliseRetry({ maxRetries: 9, initialDelay: '2s', maxDelay: '2s', jitter: 0.5 }, 'task t');
    expect([0, 0.5, 1].map((random) => nextDelayMs(policy, 1, random))).toEqual([2_000, 1_500, 1_000]);
  });

  test('is a finite delay between none and the cap, whatever the policy and however often', () => {
    const policies = fc.record({
      maxRetries: fc.nat(),
      initialDelayMs: fc.oneof(fc.constant(0), fc.nat(100_000)),
      backoffMultiplier: fc.double({ min: 1, max: 1e6, noNaN: true }),
      maxDelayMs: fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), fc.nat(1_000_000)),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        policies,
        fc.integer({ min: 1, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (policy, n, random) => {
          const delay = nextDelayMs(policy, n, random);
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(policy.maxDelayMs);
        },
      ),
    );
  });

  test('never shrinks from one retry to the next without jitter', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.double({ min: 1, max: 10, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        (initialDelay, backoffMultiplier, n) => {
          const policy = normaliseRetry({ maxRetries: 99, initialDelay, backoffMultiplier }, 'task t');
          expect(nextDelayMs(policy, n + 1, 0)).toBeGreaterThanOrEqual(nextDelayMs(policy, n, 0));
        },
      ),
    );
  });
});
