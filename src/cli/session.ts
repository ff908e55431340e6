/** What every command starts with: the options that are the same everywhere, and the connection that they name. */

import type { Command } from 'commander';
import { pino } from 'pino';
import type { Baton } from '../client/baton.js';
import type { Logger } from '../core/logger.js';
import type { Inspector } from '../inspect/inspector.js';
import type { Io } from './io.js';
import { jsonLine } from './json.js';
import { withProgress } from './progress.js';
import { printable } from './text-width.js';

export interface SharedOptions {
  readonly namespace?: string;
  readonly postgres?: string;
  readonly rabbitmq?: string;
  readonly embedded?: true | string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export function withSharedOptions(program: Command): Command {
  return program
    .option('--namespace <name>', "whose runs and queues (default: 'default')")
    .option('--postgres <url>', 'the database (default: DATABASE_URL, or PGHOST, PGDATABASE …)')
    .option('--rabbitmq <url>', 'the broker (default: AMQP_URL, or RABBITMQ_URL)')
    .option('--embedded [folder]', "no services: everything in this folder (default: '.baton')")
    .option('--json', 'print JSON, for scripts')
    .option('--verbose', 'log more, and show where errors come from');
}

/** Connects, does the work, and closes again, whatever comes of it. */
export async function withBaton<T>(
  shared: SharedOptions,
  io: Io,
  work: (baton: Baton) => Promise<T>,
  logger = warnings(shared, io),
  inspect?: true | Inspector,
): Promise<T> {
  const { namespace, postgres, rabbitmq, embedded } = shared;
  const connecting = io.connect({ namespace, postgres, rabbitmq, embedded, logger, inspect });
  const baton = await withProgress('connecting', io.stderr, connecting);
  try {
    return await work(baton);
  } finally {
    await baton.close();
  }
}

/** One line on standard output. */
export function print(io: Io, line: string): void {
  io.stdout.write(`${line}\n`);
}

/** The object with --json, the words without; a script gets those as they are. */
export function say({ json }: SharedOptions, io: Io, object: unknown, words: string): void {
  print(io, json ? jsonLine(object) : io.stdout.isTTY ? printable(words) : words);
}

// A command's own errors are told once, by main; the log is for those who ask.
function warnings({ verbose }: SharedOptions, io: Io): Logger {
  return pino({ name: 'baton', level: verbose ? 'debug' : 'silent' }, io.stderr);
}

/** Makes a commander action of a command: it gets the arguments after its options, and returns the exit code. */
export type Run = <Args extends (string | string[])[], Options extends SharedOptions>(
  command: (io: Io, options: Options, ...args: Args) => Promise<number>,
) => (...given: unknown[]) => Promise<void>;
