/** Durations as users write them: milliseconds, or `ms` syntax. */
import ms, { type StringValue } from 'ms';
import { BatonError } from './baton-error.js';

/** Milliseconds, or a number with a unit: '250ms', '30s', '5m', '1h', '2d'. */
export type Duration = number | string;

/** A century: longer is a mistake. */
const LONGEST_MS = 100 * 365.25 * 24 * 3_600_000;
const SYNTAX = /^\d+(\.\d+)?\s*[a-z]+$/i;

/** A duration that is none: write milliseconds or `ms` syntax, such as '30s'. */
export class InvalidDurationError extends BatonError {
  constructor(given: unknown) {
    super(
      'INVALID_DURATION',
      `${shown(given)} is no duration; write milliseconds (250) or a number with a unit ('250ms', '30s', '5m', '1h', '2d'), from 0 to 100 years`,
    );
  }
}

function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given);
  return typeof given === 'object' && given !== null ? 'an object' : String(given);
}

/** The duration in milliseconds. Throws InvalidDurationError on anything else, negative and endless ones included. */
export function toMs(duration: Duration): number {
  const value =
    typeof duration === 'string' && SYNTAX.test(duration.trim()) ? ms(duration.trim() as StringValue) : duration;
  if (typeof value !== 'number' || !(value >= 0 && value <= LONGEST_MS)) throw new InvalidDurationError(duration);
  return value;
}
