/** A log for people: what pino writes, as short lines. */
import { type DestinationStream, pino } from 'pino';
import type { Io } from '../io.js';
import { jsonLine } from '../json.js';

interface Entry {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly err?: { readonly message: string };
  readonly [field: string]: unknown;
}

const ASIDE = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err', 'worker']);

export function logLines(stdout: Io['stdout']): DestinationStream {
  return { write: (text) => stdout.write(`${lineOf(JSON.parse(text) as Entry)}\n`) };
}

function lineOf(entry: Entry): string {
  const { level, time, msg = '', err } = entry;
  const fields = Object.entries(entry).filter(([name]) => !ASIDE.has(name));
  return [
    `${new Date(time).toTimeString().slice(0, 8)}  ${pino.levels.labels[level] ?? level}  ${msg}`,
    ...(err === undefined ? [] : [`: ${err.message}`]),
    ...fields.map(([name, value]) => `  ${name}=${jsonLine(value)}`),
  ].join('');
}
