/** What can be seen of a run from outside, in lines that are compared, and read when they differ. */
import { isOpen, type Node, nodesOf, type Run } from './model.js';
import { stepAt } from './plans.js';

/** One line for the status, and one for each node that the run came to. */
export type Portrait = readonly string[];

/** A node as it is seen. Times are in ticks since the start of the driver's clock, where that can be turned. */
export interface NodeLine {
  readonly path: string;
  readonly state: string;
  readonly attempt: number;
  readonly losses: number;
  /** Attempt of each execution. */
  readonly executions: readonly number[];
  readonly due?: number | undefined;
  /** What the node came to, where it is complete. */
  readonly result?: unknown;
}

export function nodeLine({ path, state, attempt, losses, executions, due, result }: NodeLine): string {
  const said = [
    `attempt ${attempt}`,
    ...(losses === 0 ? [] : [`${losses} lost`]),
    ...(executions.length === 0 ? [] : [`ran as attempt ${executions.join(', ')}`]),
    ...(due === undefined ? [] : [`due at ${due}`]),
    ...(state === 'completed' ? [`came to ${JSON.stringify(result)}`] : []),
  ];
  return `${path} ${state}, ${said.join(', ')}`;
}

/** How the model expects the run to look. @param tickMs without it, times are left out */
export function portraitOf(run: Run, tickMs: number | undefined): Portrait {
  const lines = nodesOf(run).map(({ path, node }) => {
    const { state, attempt, losses, executions } = node;
    const due = isOpen(node) ? ticksOf(node, tickMs) : undefined;
    return nodeLine({
      path,
      state,
      attempt,
      losses,
      executions,
      due,
      ...(state === 'completed' ? { result: node.output } : {}),
    });
  });
  return [statusLine(statusOf(run, tickMs)), ...lines.sort()];
}

export type Status = Readonly<Record<string, unknown>> & { readonly status: string };

/** The parts of a status in a fixed order. */
export const statusLine = ({ status, ...rest }: Status): string => {
  const said = Object.entries(rest).filter(([, value]) => value !== undefined);
  return [status, ...said.sort().map(([name, value]) => `${name} ${JSON.stringify(value)}`)].join(', ');
};

function statusOf(run: Run, tickMs: number | undefined): Status {
  const { status, reason, failure, output } = run;
  if (status === 'completed') return { status, output };
  if (status === 'failed') return { status, ...failure };
  if (status !== 'running') return { status, reason };
  const open = nodesOf(run).filter(({ node }) => isOpen(node));
  if (open.some(({ node }) => !['awaiting_signal', 'delayed', 'joining'].includes(node.state))) return { status };
  const wait = first(open, 'awaiting_signal', ({ turn, parkedAt }) => (tickMs === undefined ? turn : parkedAt));
  if (wait !== undefined) {
    const { id, signal } = stepAt(run, wait.path) as { id: string; signal: string };
    return { status: 'awaiting_signal', node: id, signal, until: ticksOf(wait.node, tickMs) };
  }
  const delay = first(open, 'delayed', ({ due }) => due)!;
  return { status: 'waiting', node: stepAt(run, delay.path).id, until: ticksOf(delay.node, tickMs) };
}

const ticksOf = ({ due }: Node, tickMs: number | undefined): number | undefined =>
  due === undefined || tickMs === undefined ? undefined : due / tickMs;

type Placed = ReturnType<typeof nodesOf>[number];

function first(open: readonly Placed[], state: Node['state'], by: (node: Node) => number | undefined) {
  const found = open.filter(({ node }) => node.state === state);
  return found.sort((a, b) => by(a.node)! - by(b.node)! || (a.path < b.path ? -1 : 1))[0];
}
