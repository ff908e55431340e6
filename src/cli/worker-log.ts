/** A worker's log: pino lines on standard output; pretty on a terminal, where pino-pretty is installed. */
import { pathToFileURL } from 'node:url';
import { type DestinationStream, pino } from 'pino';
import type { Logger } from '../core/logger.js';
import type { Io } from './io.js';
import { resolveFrom } from './load-module.js';
import type { SharedOptions } from './session.js';

export async function workerLog(io: Io, { verbose, json }: SharedOptions): Promise<Logger> {
  const level = verbose ? 'debug' : 'info';
  const pretty = io.stdout.isTTY && !json ? await prettyStream(io) : undefined;
  const log: Logger = pino({ name: 'baton', level }, pretty ?? io.stdout);
  return log;
}

async function prettyStream(io: Io): Promise<DestinationStream | undefined> {
  const file = resolveFrom(io.cwd, 'pino-pretty');
  if (file === undefined) return undefined;
  const { default: pretty } = (await import(pathToFileURL(file).href)) as {
    default(options: object): DestinationStream;
  };
  return pretty({ destination: io.stdout, ignore: 'pid,hostname,name', colorize: !io.env.NO_COLOR });
}
