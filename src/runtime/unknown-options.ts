/** A misspelt option is an error, not an option that does nothing. */
import { ConfigError } from '../core/errors.js';

/** Throws a ConfigError that names the first unknown key, and what there is. */
export function refuseUnknown(options: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ConfigError(`${where} has no option ${JSON.stringify(unknown)}; it takes ${known.join(', ')}`);
}
