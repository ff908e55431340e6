/** A real browser: Debian's Chromium, or the one that CHROMIUM names. Nothing is downloaded. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there is none, for whoever skips what needs it. In CI that is an error. */
export function browserMissing(): string | undefined {
  if (existsSync(EXECUTABLE)) return undefined;
  const why = `no browser at ${EXECUTABLE}: apt-get install chromium, or set CHROMIUM`;
  if (process.env.CI) throw new Error(why);
  console.error(`\n${'!'.repeat(100)}\nBROWSER TESTS ARE SKIPPED: ${why}\n${'!'.repeat(100)}\n`);
  return why;
}

export function openBrowser(): Promise<Browser> {
  // Chromium's sandbox doesn't work for root, which CI runs as.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: EXECUTABLE, args });
}
