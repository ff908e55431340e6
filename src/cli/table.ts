/** Columns that line up, as wide as they need to be; and texts that are made to fit. Widths are columns of a terminal. */
import { charactersOf, padded, widthOf } from './text-width.js';

export interface Fit {
  /** How wide lines may be; as wide as they are, when left out. */
  readonly columns?: number | undefined;
  /** Which columns give way first where that isn't enough, one after the other, and how wide each stays at least. */
  readonly yielding?: readonly (readonly [column: string, least: number])[];
  /** Dresses a cell of the body when its width is settled. */
  readonly style?: (text: string, column: string, row: number) => string;
}

const GAP = '  ';

/** Lines, the first of them the head. Empty columns are left out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], fit: Fit = {}): string[] {
  const used = head.map((_, column) => rows.some((row) => (row[column] ?? '') !== ''));
  const names = head.filter((_, column) => used[column]);
  const lines = [head, ...rows].map((row) => row.filter((_, column) => used[column]));
  const widths = names.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))));
  for (const [name, least] of fit.yielding ?? []) shrink(widths, names.indexOf(name), least, fit.columns);
  for (let column = names.length; column-- > 0; ) shrink(widths, column, 1, fit.columns);
  return lines.map((line, i) => {
    const cells = line.map((cell, column) => cut(cell, widths[column]));
    const dressed = cells.map((cell, column) => {
      const name = names[column] ?? '';
      const text = fit.style === undefined || i === 0 ? cell : fit.style(cell, name, i - 1);
      return column === cells.length - 1 ? text : text + padded('', (widths[column] ?? 0) - widthOf(cell));
    });
    return dressed.join(GAP).trimEnd();
  });
}

/** Takes from that column what the line is too wide by. Columns of width 0 aren't there, and need no gap. */
export function shrink(widths: number[], column: number, least: number, columns = Number.POSITIVE_INFINITY): void {
  const width = widths[column];
  if (width === undefined) return;
  const over = widths.reduce((sum, one) => sum + (one === 0 ? 0 : one + GAP.length), -GAP.length) - columns;
  widths[column] = Math.min(width, Math.max(least, width - Math.max(0, over)));
}

/** At most so wide, the end of it left out. */
export function cut(text: string, width = Number.POSITIVE_INFINITY): string {
  return widthOf(text) <= width ? text : `${fitting(charactersOf(text), width - 1)}…`;
}

/** At most so wide, the beginning of it left out. */
export function cutLeft(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const backwards = fitting(charactersOf(text).reverse(), width - 1);
  return `…${charactersOf(backwards).reverse().join('')}`;
}

/** As many of the characters as are not wider than that together. */
function fitting(characters: readonly string[], width: number): string {
  let text = '';
  let left = width;
  for (const character of characters) {
    left -= widthOf(character);
    if (left < 0) break;
    text += character;
  }
  return text;
}

/** Lines of at most so many columns, broken between words, each after the first behind `indent`. */
export function wrap(text: string, width = Number.POSITIVE_INFINITY, indent = ''): string[] {
  if (width === Number.POSITIVE_INFINITY) return [text];
  const lines: string[] = [];
  // What the text itself is indented by counts as part of its first word.
  let [line = '', ...words] = text.match(/\s*\S+/g) ?? [];
  for (const word of words) {
    if (widthOf(line) + widthOf(word) <= width) {
      line += word;
    } else {
      lines.push(line);
      line = indent + word.trimStart();
    }
  }
  return [...lines, line];
}
