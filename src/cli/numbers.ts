/** Numbers on the command line. */
import { InvalidArgumentError } from 'commander';

/** Parses a whole number; what range it may have is the option's own business. */
export function integer(option: string): (given: string) => number {
  return (given) => {
    if (!/^\d{1,9}$/.test(given)) throw new InvalidArgumentError(`${option} takes a whole number.`);
    return Number(given);
  };
}
