/** What durations come to, in words. */

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function percentiles(values: readonly number[]): string {
  const [half, most, all] = [0.5, 0.99, 1].map((share) => percentile(values, share).toFixed(1));
  return `p50 ${half} ms, p99 ${most} ms, max ${all} ms of ${values.length}`;
}
