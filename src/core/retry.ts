/** Retry policies: how often, and how long to wait before each. */
import { type Duration, toMs } from './duration.js';
import { InvalidDefinitionError } from './errors.js';
import type { RetryPolicyMs } from './tree.js';

/** The nth retry waits `min(initialDelay × backoffMultiplier^(n-1), maxDelay)`, less the jitter. Survives crashes. */
export interface RetryPolicy {
  /** Attempts after the first; 0 means none. */
  readonly maxRetries: number;
  /** Before the first retry. Default 1 s. */
  readonly initialDelay?: Duration | undefined;
  /** Each delay is this much longer than the one before. Default 2. */
  readonly backoffMultiplier?: number | undefined;
  /** No delay is longer. Default: no limit. */
  readonly maxDelay?: Duration | undefined;
  /** 0 to 1: up to this share of each delay is left out at random, so that failures spread. Default 0. */
  readonly jitter?: number | undefined;
}

const ANY_DELAY = Number.MAX_SAFE_INTEGER;

/** The policy in milliseconds with its defaults; a number stands for `maxRetries`. `where` names the task in errors. */
export function normaliseRetry(retry: number | RetryPolicy, where: string): RetryPolicyMs {
  const given: RetryPolicy = typeof retry === 'number' ? { maxRetries: retry } : retry;
  const { maxRetries, backoffMultiplier = 2, jitter = 0 } = given;
  const refuse = (what: string) => new InvalidDefinitionError(`${where}: retry.${what}`);
  if (!Number.isSafeInteger(maxRetries) || maxRetries < 0) throw refuse('maxRetries must be a whole number from 0');
  if (!(backoffMultiplier >= 1 && Number.isFinite(backoffMultiplier)))
    throw refuse('backoffMultiplier must be at least 1');
  if (!(jitter >= 0 && jitter <= 1)) throw refuse('jitter must be between 0 and 1');
  return {
    maxRetries,
    initialDelayMs: toMs(given.initialDelay ?? 1_000),
    backoffMultiplier,
    maxDelayMs: given.maxDelay === undefined ? ANY_DELAY : toMs(given.maxDelay),
    jitter,
  };
}

/** How long the nth retry (from 1) waits, in ms; `random` from 0 to 1 takes the jitter's share off. */
export function nextDelayMs(policy: RetryPolicyMs, n: number, random: number): number {
  // Nothing times infinity is NaN.
  if (policy.initialDelayMs === 0) return 0;
  const delay = Math.min(policy.initialDelayMs * policy.backoffMultiplier ** (n - 1), policy.maxDelayMs);
  return delay * (1 - policy.jitter * random);
}
