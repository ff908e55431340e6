/** How long something took, or is away, as people say it. */

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** Such as `340 ms`, `3.4 s`, `12 s`, `5 min`, `2 d`: two digits tell enough, and the rest is cut off. */
export function span(ms: number): string {
  const [size, unit] = UNITS.find(([least]) => ms >= least) ?? [1, 'ms'];
  const count = Math.max(0, ms) / size;
  const told = unit === 'ms' || count >= 10 ? Math.floor(count) : Math.floor(count * 10) / 10;
  return `${told} ${unit}`;
}
