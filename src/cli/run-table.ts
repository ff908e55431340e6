/** Runs as a table, for `list` and the board of `baton dev`. */
import type { RunSummary } from '../client/list.js';
import { span } from '../core/span.js';
import { type Look, painter } from './paint.js';
import { colourOf } from './state-colours.js';
import { table } from './table.js';
import { printable } from './text-width.js';

const HEAD = ['RUN', 'WORKFLOW', 'STATUS', 'AGE', 'AT'];
/** A run's id is what one types next: it stays whole, were it a UUID, longer than the rest. */
const YIELDING = [
  ['AT', 6],
  ['WORKFLOW', 8],
  ['RUN', 36],
  ['RUN', 12],
] as const;

export function runTable(runs: readonly RunSummary[], { columns, colours, now }: Look): string[] {
  const paint = painter(colours);
  const rows = runs.map((run) => [
    printable(run.id),
    run.workflow,
    run.status,
    span(now - run.createdAt.getTime()),
    place(run, now),
  ]);
  return table(HEAD, rows, {
    columns,
    yielding: YIELDING,
    style: (text, column, row) => paint(column === 'STATUS' ? colourOf(runs[row]?.status) : undefined, text),
  });
}

/** Where it waits, and how much longer: `packed, 23 h left`. */
function place({ node, signal, until }: RunSummary, now: number): string {
  const what = signal === undefined || signal === node ? node : `${node} (signal ${signal})`;
  const left = until === undefined ? undefined : until.getTime() - now;
  return [what, left && (left > 0 ? `${span(left)} left` : `due ${span(-left)} ago`)].filter(Boolean).join(', ');
}
