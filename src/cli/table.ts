/** Columns that line up, as wide as they need to be; and texts that are made to fit. */

/** Lines, the first of them the head. Empty columns are left out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const used = head.map((_, column) => rows.some((row) => (row[column] ?? '') !== ''));
  const lines = [head, ...rows].map((row) => row.filter((_, column) => used[column]));
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** At most so wide, the end of it left out. */
export function cut(text: string, width = Number.POSITIVE_INFINITY): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** At most so wide, the beginning of it left out. */
export function cutLeft(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;
}

/** Lines of at most so many characters, broken between words, each after the first behind `indent`. */
export function wrap(text: string, width = Number.POSITIVE_INFINITY, indent = ''): string[] {
  const lines: string[] = [];
  // What the text itself is indented by counts as part of its first word.
  let [line = '', ...words] = text.match(/\s*\S+/g) ?? [];
  for (const word of words) {
    if (line.length + word.length <= width) {
      line += word;
    } else {
      lines.push(line);
      line = indent + word.trimStart();
    }
  }
  return [...lines, line];
}
