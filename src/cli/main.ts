#!/usr/bin/env node
/** The `baton` command. */
import { FAILED, OK } from './exit-codes.js';
import { processIo } from './io.js';
import { runCli } from './program.js';

// `baton list | head` closes our output early; there is nobody left to tell.
function unwritten(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(OK);
  process.stderr.write(`baton: can't write to standard output: ${error.message}\n`);
  process.exit(FAILED);
}
process.stdout.on('error', unwritten);

const code = await runCli(process.argv.slice(2), processIo());
// A user's module may hold connections of its own open; the command is over all the same.
process.stdout.write('', () => {
  if (process.stdout.errored !== null) unwritten(process.stdout.errored);
  process.exit(code);
});
