/** Where a command writes to: a terminal, of a width, or something that takes any text. */
import type { Writable } from 'node:stream';

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number | undefined };

/** How wide lines may be; undefined where they may be as long as they are. */
export function columnsOf({ isTTY, columns }: Output): number | undefined {
  return isTTY ? columns : undefined;
}

/** NO_COLOR, set to anything, is heeded. */
export function inColours({ isTTY }: Output, env: NodeJS.ProcessEnv): boolean {
  return isTTY === true && !env.NO_COLOR;
}
