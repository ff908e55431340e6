/** `baton worker --processes N`: the supervisor's side and the processes' of the same command line. */

import { ProcessInspection } from '../inspect/inspection.js';
import type { HttpOptions } from '../runtime/http/http-options.js';
import { resolveHttp } from '../runtime/http/http-options.js';
import { Supervised } from '../runtime/supervisor/supervised.js';
import { Supervisor } from '../runtime/supervisor/supervisor.js';
import { USAGE, UsageError } from './exit-codes.js';
import { inspector } from './inspector.js';
import type { Io } from './io.js';
import type { SharedOptions } from './session.js';
import { workerLog } from './worker-log.js';

export interface SupervisedOptions extends SharedOptions {
  readonly http?: HttpOptions;
  readonly inspect?: true;
  readonly processes?: number;
  /** Set by the supervisor: which of its processes this is. */
  readonly supervised?: number;
}

const MOST_PROCESSES = 256;

/** Resolves with the exit code when all processes have ended. */
export async function supervise(io: Io, options: SupervisedOptions): Promise<number> {
  const { processes = 1, embedded, inspect, namespace = 'default', http = inspect && { port: 0 } } = options;
  if (processes < 1 || processes > MOST_PROCESSES)
    throw new UsageError(`--processes takes a number from 1 to ${MOST_PROCESSES}`);
  if (embedded) throw new UsageError('--embedded is for one process at a time; leave --processes out');
  const { again } = io;
  if (again === undefined) throw new UsageError('there are no processes to be had here');
  const logger = await workerLog(io, options);
  const inspection = inspect && (await ProcessInspection.open(await inspector(logger), namespace, logger));
  const supervisor = new Supervisor({
    processes,
    start: (index) => again(['--supervised', String(index)]),
    hopeless: (code) => code === USAGE,
    http: http && resolveHttp(http),
    logger,
    inspection,
  });
  try {
    return await supervisor.run();
  } finally {
    await inspection?.close();
  }
}

/** The end of the channel to the supervisor, in one of its processes. */
export function supervisedBy({ channel }: Io, { supervised, http }: SupervisedOptions): Supervised | undefined {
  if (supervised === undefined) return undefined;
  if (channel?.send === undefined) throw new UsageError('--supervised is for the processes of --processes alone');
  const { maxLoopLagMs } = resolveHttp(http ?? { port: 0 });
  return new Supervised(channel, { metrics: http !== undefined, maxLoopLagMs });
}
