/** `baton list` */
import type { Command } from 'commander';
import type { ListFilter, RunSummary } from '../../client/list.js';
import { OK } from '../exit-codes.js';
import { jsonLine } from '../json.js';
import { integer } from '../numbers.js';
import { print, type Run, type SharedOptions, withBaton } from '../session.js';
import { table } from '../table.js';

interface Options extends SharedOptions {
  readonly workflow?: string;
  readonly status?: NonNullable<ListFilter['status']>;
  readonly limit: number;
}

export function addList(program: Command, run: Run): void {
  program
    .command('list')
    .description('list runs, newest first')
    .option('--workflow <name>', 'only those of this workflow')
    .option('--status <status>', 'only running, paused, completed, failed or cancelled ones')
    .option('--limit <n>', 'at most so many', integer('--limit'), 100)
    .action(
      run<[], Options>((io, options) =>
        withBaton(options, io, async (baton) => {
          const { workflow, status, limit } = options;
          const filter = {
            ...(workflow === undefined ? {} : { workflow }),
            ...(status === undefined ? {} : { status }),
            limit,
          };
          const rows: string[][] = [];
          for await (const summary of baton.list(filter)) {
            if (options.json) print(io, jsonLine(summary));
            else rows.push(cells(summary));
          }
          if (options.json) return OK;
          const lines = rows.length === 0 ? ['no runs'] : table(['RUN', 'WORKFLOW', 'STATUS', 'AT', 'CREATED'], rows);
          for (const line of lines) print(io, line);
          return OK;
        }),
      ),
    );
}

function cells({ id, workflow, status, node, signal, until, createdAt }: RunSummary): string[] {
  const at = [node, signal && `(signal ${signal})`, until && `until ${until.toISOString()}`].filter(Boolean).join(' ');
  return [id, workflow, status, at, createdAt.toISOString()];
}
