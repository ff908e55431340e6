/** The two figures that measurements are told by. */

export function median(values) {
  return percentile(values, 50);
}

/** By nearest rank. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}
