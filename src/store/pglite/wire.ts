/**
 * pg's end of a connection to Postgres in this process: the same protocol, byte for byte, without a socket. So the
 * store's statements, types and errors are the very ones that they are with a server.
 */
import { Duplex } from 'node:stream';

/** The part of PGlite that speaks the protocol: answers to whole messages. */
export interface ProtocolEngine {
  execProtocolRaw(messages: Uint8Array): Promise<Uint8Array>;
}

/** AuthenticationOk and ReadyForQuery: whoever is in this process needs no password. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
const TERMINATE = 0x58;

/** A simple query: its type, the length of the rest, the text, and a zero. */
function query(text: string): Buffer {
  const message = Buffer.alloc(text.length + 6);
  message.write('Q', 0);
  message.writeInt32BE(text.length + 5, 1);
  message.write(text, 5, 'latin1');
  return message;
}

export class Wire extends Duplex {
  #greeted = false;

  /** @param preamble statements that are run before anybody else's, in ASCII; no errors are told */
  constructor(
    private readonly engine: ProtocolEngine,
    private readonly preamble: string,
  ) {
    super();
  }

  // What pg asks of a socket.
  connect(): this {
    setImmediate(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk).then(() => done(), done);
  }

  /** pg corks the messages of a statement: they go together, up to the one that asks for an answer. */
  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  async #send(messages: Buffer): Promise<void> {
    if (!this.#greeted) {
      this.#greeted = true;
      await this.engine.execProtocolRaw(query(this.preamble));
      this.push(WELCOME);
    } else if (messages[0] === TERMINATE) {
      this.push(null);
    } else {
      this.push(Buffer.from(await this.engine.execProtocolRaw(messages)));
    }
  }
}
