/** What docs/metrics.md lists, and what a scrape shows, to be compared. */
import { readFileSync } from 'node:fs';
import type { Scraped } from './scrape.js';

export interface Documented {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** The rows of the table whose first heading is this. */
export function documented(heading: 'metric' | 'metric of the supervisor'): Documented[] {
  const lines = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8').split('\n');
  const table = lines.slice(lines.findIndex((line) => line.startsWith(`| ${heading} |`)) + 2);
  const end = table.findIndex((line) => !line.startsWith('|'));
  const rows = table.slice(0, end < 0 ? undefined : end).map((row) => {
    const [name = '', type = '', labels = ''] = row
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    return { name: name.replaceAll('`', ''), type, labels: labels === '' ? [] : labels.split(', ').sort() };
  });
  return rows.sort(byName);
}

/** What is there and isn't prom-client's own of every Node process. */
export function shown({ families }: Scraped): Documented[] {
  const ours = [...families].filter(([name]) => !/^(process|nodejs)_/.test(name));
  return ours.map(([name, { type, labels }]) => ({ name, type, labels: [...labels].sort() })).sort(byName);
}

function byName(one: Documented, other: Documented): number {
  return one.name < other.name ? -1 : 1;
}
