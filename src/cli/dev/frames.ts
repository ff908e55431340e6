/** What a command in one terminal and `baton dev` in another say to each other: a JSON object a line. */
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What a command sees of its terminal. */
export interface Terminal {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
}

/** The first of the command's. Its output is then written here as it comes. */
export interface Request {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
}

/** Later ones of the command's: its standard input, once it is asked for; null is its end. */
export interface Input {
  readonly stdin: string | null;
}

export type Reply =
  | { readonly stdout: string }
  | { readonly stderr: string }
  /** The command reads standard input. */
  | { readonly read: true }
  /** It is over. */
  | { readonly code: number };

export function sendFrame(socket: Socket, frame: Request | Input | Reply): void {
  if (socket.writable) socket.write(`${JSON.stringify(frame)}\n`);
}

/** Until the other side is gone, in whatever way: a process that is killed, say, resets the connection. */
export async function* framesOf<Frame>(socket: Socket): AsyncGenerator<Frame> {
  try {
    for await (const line of createInterface({ input: socket })) yield JSON.parse(line) as Frame;
  } catch (error) {
    if (!['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
