/** `baton show RUN` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { jsonLine } from '../json.js';
import { runLines } from '../run-lines.js';
import { print, type Run, type SharedOptions, withBaton } from '../session.js';

export function addShow(program: Command, run: Run): void {
  program
    .command('show <run>')
    .description('show a run and the state of its nodes')
    .action(
      run<[string], SharedOptions>((io, options, id) =>
        withBaton(options, io, async (baton) => {
          const description = await baton.run(id).describe();
          if (options.json) print(io, jsonLine(description));
          else for (const line of runLines(description, colourful(io.stdout, io.env))) print(io, line);
          return OK;
        }),
      ),
    );
}

function colourful(stdout: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stdout.isTTY === true && !env.NO_COLOR;
}
