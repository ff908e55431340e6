/** What `baton dev` shows: the newest runs, and what happened last. */
import type { RunSummary } from '../../client/list.js';
import type { TaskEvent } from '../../runtime/engaged.js';
import { type Colour, type Look, painter } from '../paint.js';
import { runTable } from '../run-table.js';
import { cut, table, wrap } from '../table.js';
import { printable } from '../text-width.js';

export interface Board {
  /** Such as `order.mjs · .baton`. */
  readonly title: string;
  /** The worker's public state, dotted: `running.ready`. */
  readonly worker: string;
  readonly workflows: readonly string[];
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** Newest last. */
  readonly tasks: readonly TaskDone[];
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
  { colours, now }: Pick<Look, 'colours' | 'now'>,
): string[] {
  const body =
    runs.length === 0
      ? wrap(`no runs yet; in another terminal: baton start ${workflows[0]} --input '{}'`, columns, '  ')
      : runTable(runs.slice(0, runsShown(rows)), { columns, colours, now });
  const last = taskTable(tasks.slice(-TASKS), { columns, colours, now });
  const lines = [
    '',
    cut(`baton dev · ${title} · ${worker} · Ctrl-C stops`, columns),
    ...body,
    ...(last.length === 0 ? [] : ['', ...last]),
  ];
  return lines.slice(0, Math.max(1, rows - 1));
}

type TaskDone = TaskEvent & { readonly at: Date };

function taskTable(tasks: readonly TaskDone[], { columns, colours }: Look): string[] {
  const paint = painter(colours);
  const rows = tasks.map((task) => [clock(task.at), printable(task.runId), task.taskId, outcomeOf(task)]);
  const style = (text: string, column: string, row: number) =>
    paint(column === 'OUTCOME' ? OUTCOMES[tasks[row]?.outcome ?? 'completed'] : undefined, text);
  const yielding = [
    ['RUN', 12],
    ['TASK', 12],
    ['OUTCOME', 12],
  ] as const;
  return table(['TIME', 'RUN', 'TASK', 'OUTCOME'], rows, { columns, yielding, style }).slice(1);
}

const OUTCOMES: Readonly<Record<TaskEvent['outcome'], Colour>> = {
  completed: 'green',
  retrying: 'yellow',
  failed: 'red',
  timed_out: 'red',
  lost: 'yellow',
};

/** One line of what happened to a task. */
export function taskLine(task: TaskDone): string {
  return `${clock(task.at)}  ${printable(task.runId)}  ${task.taskId}  ${outcomeOf(task)}`;
}

function outcomeOf({ outcome, attempt, durationMs }: TaskEvent): string {
  return `${outcome} in ${Math.round(durationMs)} ms${attempt > 1 ? `, attempt ${attempt}` : ''}`;
}

const clock = (at: Date): string => at.toTimeString().slice(0, 8);
