/** What `baton dev` shows: the newest runs, and what happened last. */
import type { RunSummary } from '../../client/list.js';
import { span } from '../../core/span.js';
import type { TaskEvent } from '../../runtime/engaged.js';
import { cut, table } from '../table.js';

export interface Board {
  /** Such as `order.mjs · .baton`. */
  readonly title: string;
  /** The worker's public state, dotted: `running.ready`. */
  readonly worker: string;
  readonly workflows: readonly string[];
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** Newest last. */
  readonly tasks: readonly (TaskEvent & { readonly at: Date })[];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** How many task events are shown, and how much else is there besides the runs. */
const TASKS = 5;
const AROUND = TASKS + 6;

/** How many runs are shown on a terminal of this height. */
export function runsShown(rows: number): number {
  return Math.max(3, Math.min(20, rows - AROUND));
}

/** Lines that fit. */
export function boardLines(
  { title, worker, workflows, runs, tasks }: Board,
  { columns, rows }: Size,
  now: Date,
): string[] {
  const shown = runs.slice(0, runsShown(rows));
  const body =
    shown.length === 0
      ? [`no runs yet; in another terminal: baton start ${workflows[0]} --input '{}'`]
      : table(
          ['RUN', 'WORKFLOW', 'STATUS', 'AT', 'AGE'],
          shown.map((run) => [
            run.id,
            run.workflow,
            run.status,
            where(run),
            span(now.getTime() - run.createdAt.getTime()),
          ]),
        );
  const last = tasks.slice(-TASKS).map(taskLine);
  const lines = [
    '',
    `baton dev · ${title} · ${worker} · Ctrl-C stops`,
    ...body,
    ...(last.length === 0 ? [] : ['', ...last]),
  ];
  return lines.map((line) => cut(line, columns));
}

/** One line of what happened to a task. */
export function taskLine({
  at,
  runId,
  taskId,
  outcome,
  attempt,
  durationMs,
}: TaskEvent & { readonly at: Date }): string {
  const again = attempt > 1 ? `, attempt ${attempt}` : '';
  return `${at.toTimeString().slice(0, 8)}  ${runId}  ${taskId}  ${outcome} in ${Math.round(durationMs)} ms${again}`;
}

function where({ node, signal, until }: RunSummary): string {
  const what = signal === undefined || signal === node ? (node ?? signal ?? '') : `${node} (signal ${signal})`;
  return until === undefined ? what : `${what} until ${until.toTimeString().slice(0, 8)}`;
}
