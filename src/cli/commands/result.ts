/** `baton result RUN` */
import type { Command } from 'commander';
import { examples } from '../help.js';
import { type Run, type SharedOptions, withBaton } from '../session.js';
import { tellOutcome } from './outcome.js';

export function addResult(program: Command, run: Run): void {
  program
    .command('result <run>')
    .description('wait for the end of a run and print what it came to')
    .summary('wait for the end of a run, print its output')
    .addHelpText('after', examples('baton result A-1', 'baton result A-1 --json | jq .output'))
    .action(
      run<[string], SharedOptions>((io, options, id) =>
        withBaton(options, io, (baton) => tellOutcome(baton.run(id), options, io)),
      ),
    );
}
