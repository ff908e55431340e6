/** Runs command lines in this process, against a store and a broker in memory. */
import { PassThrough, Readable, Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';
import { runCli } from '../../src/cli/program.js';
import type { Memory } from './in-memory.js';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Around {
  readonly memory?: Memory;
  readonly stdin?: string;
  readonly cwd?: string;
  /** A terminal. */
  readonly tty?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly io?: Partial<Io>;
}

/** Runs the command to its end. */
export async function cli(argv: readonly string[], around: Around = {}): Promise<Ended> {
  const stdout = new Collected(around.tty ?? false);
  const stderr = new Collected(false);
  const code = await runCli(argv, {
    stdin: around.stdin === undefined ? new PassThrough().end() : Readable.from([around.stdin]),
    stdout,
    stderr,
    env: around.env ?? {},
    cwd: around.cwd ?? process.cwd(),
    connect: async ({ namespace }) => {
      if (around.memory === undefined) throw new Error('this command was not to connect');
      return around.memory.baton(namespace === undefined ? {} : { namespace });
    },
    migrate: async () => {},
    ...around.io,
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class Collected extends Writable {
  text = '';
  constructor(readonly isTTY: boolean) {
    super({ decodeStrings: false });
  }
  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}
