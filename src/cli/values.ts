/** Numbers and times on the command line. */
import { InvalidArgumentError } from 'commander';
import { toMs } from '../core/duration.js';

/** Parses a whole number; what range it may have is the option's own business. */
export function integer(option: string): (given: string) => number {
  return (given) => {
    if (!/^\d{1,9}$/.test(given)) throw new InvalidArgumentError(`${option} takes a whole number.`);
    return Number(given);
  };
}

/** Parses a date, such as 2026-03-01 or 2026-03-01T12:00:00Z, or how long ago it was, such as 2h. */
export function instant(option: string): (given: string) => Date {
  return (given) => {
    if (/^\d{4}-\d\d-\d\d(T|$)/.test(given)) {
      const at = new Date(given);
      if (!Number.isNaN(at.getTime())) return at;
    } else if (/^\d+(\.\d+)?\s*[a-z]+$/i.test(given)) {
      return new Date(Date.now() - toMs(given));
    }
    throw new InvalidArgumentError(`${option} takes a date (2026-03-01T12:00Z), or how long ago (2h).`);
  };
}
