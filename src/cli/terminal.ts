/** Where a command writes to: a terminal, of a width, or something that takes any text. */
import type { Writable } from 'node:stream';
import type { Look } from './paint.js';

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number | undefined };

/** How lines on standard output look now. NO_COLOR, set to anything, is heeded. */
export function lookOf({ stdout, env }: { readonly stdout: Output; readonly env: NodeJS.ProcessEnv }): Look {
  const { isTTY, columns } = stdout;
  return { colours: isTTY === true && !env.NO_COLOR, columns: isTTY ? columns : undefined, now: Date.now() };
}
