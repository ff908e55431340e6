/** A command that is carried out by the `baton dev` of its folder, which alone can have the folder open. */
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Output } from '../terminal.js';
import { framesOf, type Reply, sendFrame, type Terminal } from './frames.js';

// What the output depends on; nothing else of the environment concerns the other process.
const PASSED_ON = ['NO_COLOR', 'FORCE_COLOR', 'TERM'];

interface Around {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Resolves with the command's exit code; with undefined where nobody listens. */
export async function runThere(address: string, argv: readonly string[], io: Around): Promise<number | undefined> {
  const socket = await reach(address);
  if (socket === undefined) return undefined;
  try {
    sendFrame(socket, {
      argv,
      cwd: io.cwd,
      env: Object.fromEntries(PASSED_ON.map((name) => [name, io.env[name]])),
      stdout: terminal(io.stdout),
      stderr: terminal(io.stderr),
    });
    for await (const reply of framesOf<Reply>(socket)) {
      if ('stdout' in reply) io.stdout.write(reply.stdout);
      else if ('stderr' in reply) io.stderr.write(reply.stderr);
      else if ('read' in reply) passInput(io, socket);
      else return reply.code;
    }
    throw new Error('baton dev ended in the middle of the command; whether it was carried out is unknown');
  } finally {
    socket.destroy();
  }
}

/** Undefined where nobody listens. */
export function reach(address: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    socket.once('connect', () => {
      // From now on the end of the frames says what there is to say.
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
  });
}

function passInput(io: Around, socket: Socket): void {
  io.stdin.setEncoding('utf8');
  io.stdin.on('data', (text: string) => sendFrame(socket, { stdin: text }));
  io.stdin.on('end', () => sendFrame(socket, { stdin: null }));
}

function terminal(stream: Output): Terminal {
  return { isTTY: stream.isTTY === true, columns: stream.columns };
}
