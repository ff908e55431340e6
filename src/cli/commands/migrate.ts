/** `baton migrate` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { withProgress } from '../progress.js';
import { type Run, type SharedOptions, say } from '../session.js';

export function addMigrate(program: Command, run: Run): void {
  program
    .command('migrate')
    .description("bring the database's schema up to date; needs no broker")
    .summary('bring the database up to date; needs no broker')
    .addHelpText('after', examples('baton migrate --postgres postgres://db/shop'))
    .action(
      run<[], SharedOptions>(async (io, options) => {
        await withProgress('migrating', io.stderr, io.migrate({ postgres: options.postgres }));
        say(options, io, { migrated: true }, 'the schema is up to date');
        return OK;
      }),
    );
}
