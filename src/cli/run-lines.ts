/** A run as lines for a terminal: what it is, where it stands, and its nodes indented as the tree is. */
import { styleText } from 'node:util';
import type { NodeDescription, RunDescription } from '../client/describe.js';
import type { RunStatus } from '../client/status.js';
import { jsonLine } from './json.js';
import { table } from './table.js';

type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim';

const COLOURS: Readonly<Record<string, Colour>> = {
  completed: 'green',
  failed: 'red',
  cancelled: 'dim',
  paused: 'yellow',
  held: 'yellow',
  backing_off: 'yellow',
  leased: 'cyan',
  running: 'cyan',
};

export function runLines(run: RunDescription, colours: boolean): string[] {
  const paint = (state: string, text: string) => {
    const colour = COLOURS[state];
    return colours && colour !== undefined ? styleText(colour, text, { validateStream: false }) : text;
  };
  const { id, workflow, hash, status, priority, metadata, createdAt, startedAt, finishedAt, nodes } = run;
  const facts: [string, string | undefined][] = [
    ['run', id],
    ['workflow', `${workflow} (structure ${hash.slice(0, 16)})`],
    ['status', paint(status.status, statusWords(status))],
    ['output', status.status === 'completed' ? jsonLine(status.output) : undefined],
    ['priority', String(priority)],
    ['metadata', metadata === undefined ? undefined : jsonLine(metadata)],
    ['created', createdAt.toISOString()],
    ['started', startedAt?.toISOString()],
    ['finished', finishedAt?.toISOString()],
  ];
  const head = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(9)} ${value}`]));
  const lines = table(['NODE', 'KIND', 'STATE', 'ATTEMPT', 'TOOK', 'WORKER', ''], nodes.map(cells));
  const painted = lines.map((line, i) => paint(nodes[i - 1]?.state ?? '', line));
  return nodes.length === 0 ? head : [...head, '', ...painted];
}

function statusWords(status: RunStatus): string {
  switch (status.status) {
    case 'waiting':
      return `waiting at ${status.node} until ${status.until.toISOString()}`;
    case 'awaiting_signal':
      return `awaiting signal ${status.signal} at ${status.node}${status.until === undefined ? '' : ` until ${status.until.toISOString()}`}`;
    case 'paused':
    case 'cancelled': {
      const by = status.by === undefined ? '' : ` by ${status.by}`;
      return `${status.status}${by}${status.reason === undefined ? '' : `: ${status.reason}`}`;
    }
    case 'failed':
      return `failed in ${status.task}, attempt ${status.attempt}: ${status.error.name}: ${firstLine(status.error.message)}`;
    default:
      return status.status;
  }
}

function cells(node: NodeDescription): string[] {
  const { startedAt, finishedAt, attempt, losses, state } = node;
  const took =
    startedAt === undefined || finishedAt === undefined ? '' : `${finishedAt.getTime() - startedAt.getTime()} ms`;
  const attempts = startedAt === undefined && attempt <= 1 ? '' : String(attempt);
  return [
    label(node),
    node.kind ?? '',
    state,
    losses === 0 ? attempts : `${attempts} (${losses} lost)`,
    took,
    node.worker ?? '',
    note(node),
  ];
}

/** Indented once for each branch, round or child flow that it lies in; rounds and elements carry their number. */
function label({ path, node }: NodeDescription): string {
  const depth = path.split('/').filter((step) => step !== '' && !step.startsWith('b')).length - 1;
  const rounds = [...path.matchAll(/#(\d+)/g)].map(([, round]) => round);
  return `${'  '.repeat(depth)}${node}${rounds.length === 0 ? '' : ` #${rounds.join('#')}`}`;
}

function note({ dueAt, error, progress }: NodeDescription): string {
  return [
    dueAt === undefined ? '' : `due ${dueAt.toISOString()}`,
    error === undefined ? '' : `${error.name}: ${firstLine(error.message)}`,
    progress === undefined ? '' : `progress ${jsonLine(progress)}`,
  ]
    .filter(Boolean)
    .join('; ');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
