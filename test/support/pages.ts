/** What the pages of the documentation show: their blocks, by language, and the table of nodes, as one program. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const linesOf = (page: string): string[] => readFileSync(join(ROOT, page), 'utf8').split('\n');

/** The language of the block that begins in this line. */
export function languageOf(line: string): string | undefined {
  return /^\s*```(\w+)/.exec(line)?.[1];
}

/** The page line by line: what is in blocks of the language, '' for everything else. */
export function blocksOf(lines: readonly string[], language: string): string[] {
  let within = false;
  return lines.map((line) => {
    if (!line.startsWith('```')) return within ? line : '';
    within = languageOf(line) === language;
    return '';
  });
}

/** Its lines have the page's numbers. Each row of a table of nodes goes on from the one above. */
export function programOf(lines: readonly string[]): string {
  return blocksOf(lines, 'ts')
    .map((line, i) => {
      if (lines[i]?.startsWith('| node |')) return "flow<Order>('nodes')";
      // Files of one page are one program here.
      if (/^import .* from '\.\/(?!examples\/)/.test(line)) return '';
      return /^\| \w+ \| `(\..*?)` \|/.exec(lines[i] ?? '')?.[1] ?? line;
    })
    .join('\n');
}

/** As a shell splits it: quotes hold words together, a comment ends the line. */
export function argumentsOf(command: string): string[] {
  const words = command.replace(/\s+# .*/, '').matchAll(/'([^']*)'|(\S+)/g);
  return Array.from(words, ([, quoted, bare]) => quoted ?? bare ?? '');
}
