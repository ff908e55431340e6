/** `baton graph MODULE` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { jsonLine } from '../json.js';
import { loadWorkflows } from '../load-module.js';
import { print, type Run, type SharedOptions } from '../session.js';

export function addGraph(program: Command, run: Run): void {
  program
    .command('graph <module>')
    .description('print the workflows of a module as Mermaid diagrams')
    .summary('print workflows as Mermaid diagrams')
    .addHelpText('after', examples('baton graph order.mjs > order.mmd'))
    .action(
      run<[string], SharedOptions>(async (io, options, module) => {
        for (const workflow of await loadWorkflows([module], io.cwd)) {
          if (options.json)
            print(io, jsonLine({ workflow: workflow.name, hash: workflow.hash, mermaid: workflow.toMermaid() }));
          else print(io, `%% ${workflow.name}\n${workflow.toMermaid().trimEnd()}\n`);
        }
        return OK;
      }),
    );
}
