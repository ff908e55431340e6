/** What the value of an option may be. Each throws a ConfigError that names the option. */
import { type Duration, toMs } from '../core/duration.js';
import { ConfigError } from '../core/errors.js';

/** Node's timers can't wait longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const LONGEST_TEXT = 256;

/** Milliseconds. */
export function duration(option: string, given: Duration, leastMs: number, mostMs = LONGEST_TIMER_MS): number {
  let ms: number;
  try {
    ms = toMs(given);
  } catch (cause) {
    throw new ConfigError(`${option}: ${(cause as Error).message}`, { cause });
  }
  if (ms < leastMs) throw new ConfigError(`${option}: ${given} is too short; use at least ${leastMs} ms`);
  if (ms > mostMs) throw new ConfigError(`${option}: ${given} is too long; use at most 24 days`);
  return ms;
}

export function integer(option: string, given: number, most: number): number {
  if (Number.isInteger(given) && given >= 1 && given <= most) return given;
  throw new ConfigError(`${option}: ${shown(given)} is not a whole number from 1 to ${most}`);
}

export function text(option: string, given: string): string {
  if (typeof given === 'string' && given.length >= 1 && given.length <= LONGEST_TEXT) return given;
  throw new ConfigError(`${option}: ${shown(given)} is not a string of 1 to ${LONGEST_TEXT} characters`);
}

export function shown(given: unknown): string {
  return typeof given === 'string' ? JSON.stringify(given) : String(given);
}
