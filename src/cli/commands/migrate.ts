/** `baton migrate` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { type Run, type SharedOptions, say } from '../session.js';

export function addMigrate(program: Command, run: Run): void {
  program
    .command('migrate')
    .description("bring the database's schema up to date; needs no broker")
    .action(
      run<[], SharedOptions>(async (io, options) => {
        await io.migrate({ postgres: options.postgres });
        say(options, io, { migrated: true }, 'the schema is up to date');
        return OK;
      }),
    );
}
