/** The command line as a whole: which commands there are, and how one is run from arguments to exit code. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { DEFAULT_FOLDER } from '../client/embedded.js';
import { addControl } from './commands/control.js';
import { addDev } from './commands/dev.js';
import { addDoctor } from './commands/doctor.js';
import { addGraph } from './commands/graph.js';
import { addList } from './commands/list.js';
import { addMigrate } from './commands/migrate.js';
import { addResult } from './commands/result.js';
import { addShow } from './commands/show.js';
import { addSignal } from './commands/signal.js';
import { addStart } from './commands/start.js';
import { addWorker } from './commands/worker.js';
import { addressOf } from './dev/address.js';
import { exitCodeOf, explain, OK } from './exit-codes.js';
import { withShortHelp } from './help.js';
import type { Io } from './io.js';
import { type Run, type SharedOptions, withSharedOptions } from './session.js';

/** Commands that `baton dev` doesn't carry out for others. */
const LOCAL = new Set(['dev', 'worker', 'graph', 'migrate']);

/** Runs one command line (without `node` and the script) and resolves with its exit code. Never rejects. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let code = OK;
  const program = new Command('baton');
  const run: Run =
    (command) =>
    async (...given) => {
      // Commander gives the arguments, the command's own options, and the command.
      const self = given.at(-1) as Command;
      const dev = LOCAL.has(self.name()) ? undefined : devOf(self.optsWithGlobals(), io);
      const there = dev === undefined ? undefined : await io.runThere?.(dev, argv, io);
      code = there ?? (await command(io, self.optsWithGlobals(), ...(given.slice(0, -2) as never)));
    };
  withShortHelp(withSharedOptions(program))
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: () => {},
    })
    .exitOverride();
  for (const add of [
    addDev,
    addWorker,
    addStart,
    addShow,
    addList,
    addResult,
    addSignal,
    addControl,
    addDoctor,
    addGraph,
    addMigrate,
  ])
    add(program, run);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    const exitCode = exitCodeOf(error);
    const line = exitCode === OK ? undefined : explain(error, verbose(program, argv));
    if (line !== undefined) io.stderr.write(`${line}\n`);
    return exitCode;
  }
}

// Options of a command line that couldn't be parsed aren't there yet.
function verbose(program: Command, argv: readonly string[]): boolean {
  return program.opts<SharedOptions>().verbose === true || argv.includes('--verbose');
}

/** Where the `baton dev` of the folder would listen; nowhere, if services are named. */
function devOf({ embedded, postgres, rabbitmq }: SharedOptions, { cwd }: Io): string | undefined {
  if (postgres || rabbitmq || embedded === 'memory') return undefined;
  return addressOf(resolve(cwd, typeof embedded === 'string' ? embedded : DEFAULT_FOLDER));
}
