/** What AMQP's 16 bits hold, without 0, which would mean no limit at all. */
export function checkPrefetch(prefetch: number): void {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65_535) return;
  throw new RangeError(`prefetch is a whole number from 1 to 65535, not ${prefetch}`);
}
