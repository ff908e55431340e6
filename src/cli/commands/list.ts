/** `baton list` */
import type { Command } from 'commander';
import type { ListFilter, RunSummary } from '../../client/list.js';
import { span } from '../../core/span.js';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { jsonLine } from '../json.js';
import { print, type Run, type SharedOptions, withBaton } from '../session.js';
import { cut, table } from '../table.js';
import { columnsOf } from '../terminal.js';
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
          const now = Date.now();
          const rows: string[][] = [];
          for await (const summary of baton.list(filter)) {
            if (options.json) print(io, jsonLine(summary));
            else rows.push(cells(summary, now));
          }
          if (options.json) return OK;
          const lines = rows.length === 0 ? ['no runs'] : table(['RUN', 'WORKFLOW', 'STATUS', 'AGE', 'AT'], rows);
          for (const line of lines) print(io, cut(line, columnsOf(io.stdout)));
          return OK;
        }),
      ),
    );
}

function cells({ id, workflow, status, node, signal, until, createdAt }: RunSummary, now: number): string[] {
  const what = signal === undefined || signal === node ? (node ?? '') : `${node} (signal ${signal})`;
  const at = [what, until && `until ${until.toISOString()}`].filter(Boolean).join(' ');
  return [id, workflow, status, span(now - createdAt.getTime()), at];
}
