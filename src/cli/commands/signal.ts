/** `baton signal RUN NAME` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { readJson } from '../input.js';
import { type Run, type SharedOptions, say, withBaton } from '../session.js';

interface Options extends SharedOptions {
  readonly payload?: string;
  readonly id?: string;
}

export function addSignal(program: Command, run: Run): void {
  program
    .command('signal <run> <name>')
    .description('send a signal to a run; kept until the run asks for it')
    .option('--payload <json>', 'what it carries: JSON, @file, or - for standard input')
    .option('--id <id>', 'sending it again with the same id changes nothing')
    .summary('send a signal to a run')
    .addHelpText(
      'after',
      examples(
        `baton signal A-1 packed --payload '{"verdict":"ship"}'`,
        'echo 7 | baton signal A-1 count --payload - --id once',
      ),
    )
    .action(
      run<[string, string], Options>(async (io, options, id, name) => {
        const payload = options.payload === undefined ? undefined : await readJson(options.payload, '--payload', io);
        return withBaton(options, io, async (baton) => {
          await baton.run(id).signal(name, payload, options.id === undefined ? {} : { id: options.id });
          say(options, io, { id, signal: name }, `sent ${name} to ${id}`);
          return OK;
        });
      }),
    );
}
