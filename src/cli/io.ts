/** What a command has of the world outside: handed in, so that tests can hand in another. */
import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Baton } from '../client/baton.js';
import { type ConnectOptions, connect } from '../client/connect.js';
import { migrate } from '../client/migrate.js';
import type { Channel } from '../runtime/supervisor/supervised.js';
import { runThere } from './dev/remote.js';
import type { Output } from './terminal.js';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  connect(options: ConnectOptions): Promise<Baton>;
  migrate(options: Pick<ConnectOptions, 'postgres'>): Promise<void>;
  /**
   * Has the `baton dev` that listens there carry out the command line; resolves with its exit code, with undefined
   * where none listens. Left out: everything is done here.
   */
  runThere?(address: string, argv: readonly string[], io: Io): Promise<number | undefined>;
  /** Runs this very command line once more, in a process of its own, with these arguments besides. */
  again?(besides: readonly string[]): ChildProcess;
  /** To the process that runs this one. */
  readonly channel?: Channel;
}

export function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    connect,
    migrate,
    runThere,
    again: (besides) =>
      fork(process.argv[1] as string, [...process.argv.slice(2), ...besides], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    channel: process,
  };
}
