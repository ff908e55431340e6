/** `baton show RUN` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { jsonLine } from '../json.js';
import { print, type Run, type SharedOptions, withBaton } from '../session.js';
import { runLines } from '../show/run-lines.js';
import { lookOf } from '../terminal.js';

export function addShow(program: Command, run: Run): void {
  program
    .command('show <run>')
    .description('show a run as a tree: state, attempts, times and worker of each node')
    .summary('show a run as a tree')
    .addHelpText('after', examples('baton show A-1', 'baton show A-1 --json | jq .nodes'))
    .action(
      run<[string], SharedOptions>((io, options, id) =>
        withBaton(options, io, async (baton) => {
          const description = await baton.run(id).describe();
          if (options.json) {
            print(io, jsonLine(description));
            return OK;
          }
          const tree = await baton.structure(description);
          for (const line of runLines(description, tree, lookOf(io))) print(io, line);
          return OK;
        }),
      ),
    );
}
