/** How long each suspect has been seen without a break. One look that doesn't see it clears it. */
export class Suspicion {
  readonly #since = new Map<string, number>();

  constructor(private readonly forMs: number) {}

  get any(): boolean {
    return this.#since.size > 0;
  }

  /** What one look saw; answers with those that have been seen for long enough. */
  see(suspects: readonly string[], now: number = performance.now()): string[] {
    for (const key of this.#since.keys()) if (!suspects.includes(key)) this.#since.delete(key);
    for (const key of suspects) if (!this.#since.has(key)) this.#since.set(key, now);
    return suspects.filter((key) => now - (this.#since.get(key) ?? now) >= this.forMs);
  }

  clear(): void {
    this.#since.clear();
  }
}
