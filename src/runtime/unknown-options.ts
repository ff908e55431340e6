/** A misspelt option is an error, not an option that does nothing. */
import { ConfigError } from '../core/errors.js';

/** Throws a ConfigError that names the first unknown key, and what there is. */
export function refuseUnknown(given: object, known: readonly string[], where: string): void {
  if (typeof given !== 'object' || given === null) throw new ConfigError(`${where} takes an object of options`);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ConfigError(`${where} has no option ${JSON.stringify(unknown)}; it takes ${known.join(', ')}`);
}
