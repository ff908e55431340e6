/** A run as lines for a terminal: what it is, where it stands, and its nodes as the tree that they are. */
import type { RunDescription } from '../../client/describe.js';
import { span } from '../../core/span.js';
import type { Tree } from '../../core/tree.js';
import { jsonLine } from '../json.js';
import { type Colour, type Look, type Paint, painter } from '../paint.js';
import { errorWords, statusWords } from '../status-words.js';
import { cut, cutLeft } from '../table.js';
import { type Item, outline } from './outline.js';

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

const HEAD = ['NODE', 'STATE', 'ATTEMPT', 'STARTED', 'TOOK', 'WORKER'];
const GAP = '  ';
/** Narrower than this a worker or a node can't be told from another. */
const LEAST = { worker: 10, node: 16 };

/** The tree is left out where nobody stored it: the nodes then stand below each other. */
export function runLines(run: RunDescription, tree: Tree | undefined, look: Look): string[] {
  const paint = painter(look.colours);
  const rows = rowsOf(outline(tree, run.nodes), run, look.now);
  return [...facts(run, look.now, paint), ...(rows.length === 0 ? [] : ['', ...treeLines(rows, look.columns, paint)])];
}

function facts(run: RunDescription, now: number, paint: Paint): string[] {
  const { id, workflow, hash, status, priority, metadata, createdAt, startedAt, finishedAt } = run;
  const ago = (at: Date | undefined) => at && `${at.toISOString()} (${span(now - at.getTime())} ago)`;
  const lines: [string, string | undefined][] = [
    ['run', id],
    ['workflow', `${workflow} (structure ${hash.slice(0, 16)})`],
    ['status', paint(COLOURS[status.status], statusWords(status))],
    ['output', status.status === 'completed' ? jsonLine(status.output) : undefined],
    ['priority', String(priority)],
    ['metadata', metadata === undefined ? undefined : jsonLine(metadata)],
    ['created', ago(createdAt)],
    ['started', ago(startedAt)],
    ['finished', ago(finishedAt)],
  ];
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(9)} ${value}`]));
}

interface Row {
  /** The guides before the label, and before what is said below it. */
  readonly guide: string;
  readonly below: string;
  readonly item: Item;
  /** STATE to WORKER. */
  readonly cells: readonly string[];
  readonly notes: readonly string[];
}

function rowsOf(items: readonly Item[], run: RunDescription, now: number, above = '', root = true): Row[] {
  return items.flatMap((item, i) => {
    const last = i === items.length - 1;
    const guide = root ? '' : `${above}${last ? '└─ ' : '├─ '}`;
    const under = root ? '' : `${above}${last ? '   ' : '│  '}`;
    const below = item.inside.length === 0 ? `${under}   ` : `${under}│  `;
    const row = { guide, below, item, cells: cells(item, run, now), notes: notes(item, now) };
    return [row, ...rowsOf(item.inside, run, now, under, false)];
  });
}

function cells({ node, aside = '' }: Item, { createdAt }: RunDescription, now: number): string[] {
  if (node === undefined) return [aside, '', '', '', ''];
  const { state, attempt, losses, startedAt, finishedAt, worker = '' } = node;
  const attempts = startedAt === undefined && attempt <= 1 ? '' : String(attempt);
  const until = finishedAt?.getTime() ?? (state === 'leased' ? now : undefined);
  return [
    state,
    losses === 0 ? attempts : `${attempts} (${losses} lost)`,
    startedAt === undefined ? '' : `+${span(startedAt.getTime() - createdAt.getTime())}`,
    startedAt === undefined || until === undefined ? '' : span(until - startedAt.getTime()),
    worker,
  ];
}

function notes({ node, note }: Item, now: number): string[] {
  if (node === undefined) return note === undefined ? [] : [note];
  const { dueAt, error, progress } = node;
  return [
    ...(dueAt === undefined ? [] : [dueWords(dueAt, now)]),
    ...(error === undefined ? [] : [errorWords(error)]),
    ...(progress === undefined ? [] : [`progress ${jsonLine(progress)}`]),
  ];
}

/** Such as `due in 3 h, at 2026-…`. */
function dueWords(dueAt: Date, now: number): string {
  const left = dueAt.getTime() - now;
  return `due ${left >= 0 ? `in ${span(left)}` : `${span(-left)} ago`}, at ${dueAt.toISOString()}`;
}

function treeLines(rows: readonly Row[], columns = Number.POSITIVE_INFINITY, paint: Paint): string[] {
  const used = HEAD.map((_, column) => column === 0 || rows.some(({ cells }) => cells[column - 1] !== ''));
  const lines = [HEAD, ...rows.map(({ guide, item, cells }) => [guide + item.label, ...cells])];
  const widths = HEAD.map((_, column) =>
    used[column] ? Math.max(...lines.map((line) => line[column]?.length ?? 0)) : 0,
  );
  const shrink = (column: number, least: number) => {
    const width = widths[column] as number;
    const over = widths.reduce((sum, one) => sum + (one === 0 ? 0 : one + GAP.length), -GAP.length) - columns;
    widths[column] = Math.min(width, Math.max(least, width - Math.max(0, over)));
  };
  shrink(5, LEAST.worker);
  shrink(0, LEAST.node);
  const [node = 0, ...others] = widths;
  const line = (
    guide: string,
    label: string,
    texts: readonly string[],
    style: (cell: number) => Colour | undefined,
  ) => {
    const first = cut(label, node - guide.length).padEnd(node - guide.length);
    const rest = others.flatMap((width, i) => {
      if (width === 0) return [];
      const text = i === 4 ? cutLeft(texts[i] ?? '', width) : (texts[i] ?? '');
      return [paint(style(i), text.padEnd(width))];
    });
    return [paint('dim', guide) + paint(style(-1), first), ...rest].join(GAP).trimEnd();
  };
  const head = line('', 'NODE', HEAD.slice(1), () => 'dim');
  const body = rows.flatMap(({ guide, below, item, cells, notes }) => {
    const style = (cell: number) => (cell === 0 ? COLOURS[item.node?.state ?? ''] : undefined);
    return [
      line(guide, item.label, cells, item.reached ? style : () => 'dim'),
      ...notes.map((note) => paint('dim', cut(below + note, columns))),
    ];
  });
  return [head, ...body];
}
