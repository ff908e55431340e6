/** What a command has of the world outside: handed in, so that tests can hand in another. */
import type { Readable } from 'node:stream';
import type { Baton } from '../client/baton.js';
import { type ConnectOptions, connect } from '../client/connect.js';
import { migrate } from '../client/migrate.js';
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
  };
}
