#!/usr/bin/env node
/** The `baton` command. */
import { processIo } from './io.js';
import { runCli } from './program.js';

// `baton list | head` closes our output early; there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const code = await runCli(process.argv.slice(2), processIo());
// A user's module may hold connections of its own open; the command is over all the same.
process.stdout.write('', () => process.exit(code));
