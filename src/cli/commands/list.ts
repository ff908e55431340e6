/** `baton list` */
import type { Command } from 'commander';
import type { ListFilter, RunSummary } from '../../client/list.js';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { jsonLine } from '../json.js';
import { runTable } from '../run-table.js';
import { print, type Run, type SharedOptions, withBaton } from '../session.js';
import { lookOf } from '../terminal.js';
import { instant, integer } from '../values.js';

interface Options extends SharedOptions {
  readonly workflow?: string;
  readonly status?: NonNullable<ListFilter['status']>;
  readonly since?: Date;
  readonly until?: Date;
  readonly limit: number;
}

export function addList(program: Command, run: Run): void {
  program
    .command('list')
    .description('list runs, newest first')
    .option('--workflow <name>', 'only those of this workflow')
    .option('--status <status>', 'only running, paused, completed, failed or cancelled ones')
    .option('--since <when>', 'created then or later: a date, or so long ago, such as 2h', instant('--since'))
    .option('--until <when>', 'created before: a date, or so long ago', instant('--until'))
    .option('--limit <n>', 'at most so many', integer('--limit'), 100)
    .addHelpText(
      'after',
      examples('baton list --status failed --since 24h', 'baton list --workflow order --json | jq -r .id'),
    )
    .action(
      run<[], Options>((io, options) =>
        withBaton(options, io, async (baton) => {
          const { workflow, status, since, until, limit } = options;
          const filter = {
            ...(workflow === undefined ? {} : { workflow }),
            ...(status === undefined ? {} : { status }),
            ...(since === undefined ? {} : { since }),
            ...(until === undefined ? {} : { until }),
            limit,
          };
          const runs: RunSummary[] = [];
          for await (const run of baton.list(filter)) {
            if (options.json) print(io, jsonLine(run));
            else runs.push(run);
          }
          if (options.json) return OK;
          for (const line of runs.length === 0 ? ['no runs'] : runTable(runs, lookOf(io))) print(io, line);
          return OK;
        }),
      ),
    );
}
