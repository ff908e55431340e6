/** Who waits for which signal: the earlier parked is served first, of one request's the smaller path. */
import { comparePaths } from '../../core/path.js';
import type { MemoryRow, Wait } from './rows.js';

export function park(row: MemoryRow, name: string, parkedAt: number, request: number): void {
  const wait: Wait = { name, row, parkedAt, request };
  row.wait = wait;
  const waits = row.run.waits.get(name);
  if (waits === undefined) {
    row.run.waits.set(name, [wait]);
    return;
  }
  let at = waits.length;
  while (at > 0 && isBefore(wait, waits[at - 1] as Wait)) at--;
  waits.splice(at, 0, wait);
}

export function unpark(row: MemoryRow): void {
  const { wait } = row;
  if (wait === undefined) return;
  row.wait = undefined;
  const waits = row.run.waits.get(wait.name) as Wait[];
  waits.splice(waits.indexOf(wait), 1);
}

const isBefore = (a: Wait, b: Wait): boolean =>
  a.request === b.request ? comparePaths(a.row.path, b.row.path) < 0 : a.request < b.request;
