/** `baton dev MODULE…` */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DEFAULT_FOLDER } from '../../client/embedded.js';
import { runFront } from '../dev/front.js';
import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import type { Run, SharedOptions } from '../session.js';
import { integer } from '../values.js';

interface Options extends SharedOptions {
  readonly concurrency?: number;
}

export function addDev(program: Command, run: Run): void {
  program
    .command('dev <module...>')
    .description('run the workflows of these modules without services, anew whenever a source file changes')
    .option('--concurrency <n>', 'tasks at a time (default: 10)', integer('--concurrency'))
    .summary('run workflows without services, anew on change')
    .addHelpText(
      'after',
      examples('baton dev order.mjs', `baton start order --input '{"id":"A-1"}'     # in another terminal`),
    )
    .action(
      run<[string[]], Options>(
        (io, { embedded, postgres, rabbitmq, namespace, concurrency, json, verbose }, modules) => {
          if (postgres || rabbitmq)
            throw new UsageError('baton dev takes no services; use baton worker with --postgres and --rabbitmq');
          if (embedded === 'memory')
            throw new UsageError('baton dev keeps its runs in a folder, so that a restart loses none');
          const folder = resolve(io.cwd, typeof embedded === 'string' ? embedded : DEFAULT_FOLDER);
          return runFront({ modules, folder, namespace, concurrency, json, verbose }, io);
        },
      ),
    );
}
