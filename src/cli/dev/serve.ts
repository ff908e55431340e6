/** The other end of `remote.ts`: carries out one command for another process, with that one's input and output. */
import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { Io } from '../io.js';
import { runCli } from '../program.js';
import { framesOf, type Input, type Reply, type Request, sendFrame, type Terminal } from './frames.js';

/** Resolves when the command is over, or nobody is there to hear of it. */
export async function serve(socket: Socket, { connect, migrate }: Pick<Io, 'connect' | 'migrate'>): Promise<void> {
  socket.on('error', () => {});
  const frames = framesOf<Request & Input>(socket);
  const { value: request } = (await frames.next()) as IteratorResult<Request, void>;
  if (request === undefined) return;
  const stdin = new Readable({ read: () => sendFrame(socket, { read: true }) });
  // Who doesn't keep to the frames is no command.
  receive(frames, stdin).catch(() => socket.destroy());
  const code = await runCli(request.argv, {
    stdin,
    stdout: output(request.stdout, (text) => sendFrame(socket, { stdout: text })),
    stderr: output(request.stderr, (text) => sendFrame(socket, { stderr: text })),
    env: request.env,
    cwd: request.cwd,
    connect,
    migrate,
  });
  sendFrame(socket, { code } satisfies Reply);
  socket.end();
}

async function receive(frames: AsyncGenerator<Input>, stdin: Readable): Promise<void> {
  for await (const { stdin: text } of frames) stdin.push(text);
  stdin.push(null);
}

function output({ isTTY, columns }: Terminal, send: (text: string) => void): Writable & { isTTY: boolean } {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      send(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY, columns });
}
