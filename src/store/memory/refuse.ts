/** Data that Postgres would refuse is refused in memory too, so that what works in one works in the other. */
import { ConfigError } from '../../core/errors.js';
import { StoreRejectedError } from '../store.js';

/** Text can't hold a NUL character there. */
export function refuseNul(...texts: readonly (string | null | undefined)[]): void {
  if (texts.some((text) => text?.includes('\0')))
    throw new StoreRejectedError('text with a NUL character cannot be stored');
}

/** There is no Postgres to have one. */
export function noTransactions(): never {
  throw new ConfigError('there are no transactions in memory; connect to Postgres, or with embedded: true');
}
