/** A run as lines for a terminal: what it is, where it stands, and its nodes as the tree that they are. */
import type { RunDescription } from '../../client/describe.js';
import { span } from '../../core/span.js';
import type { Tree } from '../../core/tree.js';
import { jsonLine } from '../json.js';
import { type Colour, type Look, type Paint, painter } from '../paint.js';
import { colourOf } from '../state-colours.js';
import { errorWords, statusWords } from '../status-words.js';
import { cut, cutLeft, shrink, wrap } from '../table.js';
import { padded, printable, widthOf } from '../text-width.js';
import { type Item, outline } from './outline.js';

const HEAD = ['NODE', 'STATE', 'ATTEMPT', 'STARTED', 'TOOK', 'WORKER'];
const GAP = '  ';
/** Narrower than this a worker or a node can't be told from another. */
const LEAST = { worker: 10, node: 16 };

/** The tree is left out where nobody stored it: the nodes then stand below each other. */
export function runLines(run: RunDescription, tree: Tree | undefined, look: Look): string[] {
  const paint = painter(look.colours);
  const rows = rowsOf(outline(tree, run.nodes), run, look.now);
  return [...facts(run, look, paint), ...(rows.length === 0 ? [] : ['', ...treeLines(rows, look.columns, paint)])];
}

function facts(run: RunDescription, { now, columns }: Look, paint: Paint): string[] {
  const { id, workflow, hash, status, priority, metadata, createdAt, startedAt, finishedAt } = run;
  const ago = (at: Date | undefined) => at && `${at.toISOString()} (${span(now - at.getTime())} ago)`;
  const lines: [string, string | undefined][] = [
    ['run', printable(id)],
    ['workflow', `${workflow} (structure ${hash.slice(0, 16)})`],
    ['status', statusWords(status)],
    ['output', status.status === 'completed' ? valueText(status.output, columns) : undefined],
    ['priority', String(priority)],
    ['metadata', metadata === undefined ? undefined : valueText(metadata, columns)],
    ['created', ago(createdAt)],
    ['started', ago(startedAt)],
    ['finished', ago(finishedAt)],
  ];
  return lines.flatMap(([name, value]) => {
    if (value === undefined) return [];
    const colour = name === 'status' ? colourOf(status.status) : undefined;
    const [first = '', ...rest] = wrap(`${name.padEnd(9)} ${value}`, columns, ' '.repeat(10));
    return [first.slice(0, 10) + paint(colour, first.slice(10)), ...rest.map((line) => paint(colour, line))];
  });
}

/** What is longer than this is for `result` and `--json`; a terminal would show little else. */
const VALUE_LINES = 4;

function valueText(value: unknown, columns = Number.POSITIVE_INFINITY): string {
  return cut(printable(jsonLine(value)), columns * VALUE_LINES);
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
    printable(worker),
  ];
}

function notes({ node, note }: Item, now: number): string[] {
  if (node === undefined) return note === undefined ? [] : [note];
  const { dueAt, error, progress } = node;
  return [
    ...(dueAt === undefined ? [] : [dueWords(dueAt, now)]),
    ...(error === undefined ? [] : [errorWords(error)]),
    ...(progress === undefined ? [] : [`progress ${printable(jsonLine(progress))}`]),
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
    used[column] ? Math.max(...lines.map((line) => widthOf(line[column] ?? ''))) : 0,
  );
  shrink(widths, 5, LEAST.worker, columns);
  shrink(widths, 0, LEAST.node, columns);
  const [node = 0, ...others] = widths;
  const line = (
    guide: string,
    label: string,
    texts: readonly string[],
    style: (cell: number) => Colour | undefined,
  ) => {
    const first = cut(label, node - guide.length);
    const cells = others.flatMap((width, i) => {
      if (width === 0) return [];
      const text = i === 4 ? cutLeft(texts[i] ?? '', width) : (texts[i] ?? '');
      return [paint(style(i), text) + padded('', width - widthOf(text))];
    });
    const start = paint('dim', guide) + paint(style(-1), first) + padded('', node - guide.length - widthOf(first));
    return [start, ...cells].join(GAP).trimEnd();
  };
  const head = line('', 'NODE', HEAD.slice(1), () => 'dim');
  const body = rows.flatMap(({ guide, below, item, cells, notes }) => {
    const style = (cell: number) => (cell === 0 ? colourOf(item.node?.state) : undefined);
    return [
      line(guide, item.label, cells, item.reached ? style : () => 'dim'),
      ...notes.map((note) => paint('dim', cut(below + note, columns))),
    ];
  });
  return [head, ...body];
}
