/** JSON from the command line: as it stands, from a file (`@file`), or from standard input (`-`). */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { UsageError } from './exit-codes.js';
import type { Io } from './io.js';

/** Throws a UsageError that names the option. */
export async function readJson(given: string, option: string, io: Io): Promise<unknown> {
  const json = await readSource(given, option, io);
  try {
    return JSON.parse(json);
  } catch (cause) {
    const from =
      given === '-' ? 'what came from standard input' : given.startsWith('@') ? given.slice(1) : abbreviated(given);
    throw new UsageError(
      `${option} is no JSON: ${from} (${(cause as Error).message}); a text takes quotes, as in ${option} '"text"'`,
      { cause },
    );
  }
}

async function readSource(given: string, option: string, io: Io): Promise<string> {
  if (given === '-') return text(io.stdin);
  if (!given.startsWith('@')) return given;
  try {
    return await readFile(resolve(io.cwd, given.slice(1)), 'utf8');
  } catch (cause) {
    throw new UsageError(`${option}: can't read the file ${given.slice(1)}: ${(cause as Error).message}`, { cause });
  }
}

function abbreviated(given: string): string {
  return given.length > 60 ? `${given.slice(0, 60)}…` : given;
}
