/**
 * Stands between a worker and Postgres and counts what is sent on the connections of tasks' transactions. At one point
 * such a connection goes dead, before or after the server had its say, and whoever armed it is called.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `before`: what is sent as the nth never arrives. `after`: it arrives and is answered, and the answer never comes. */
export interface Point {
  readonly nth: number;
  readonly when: 'before' | 'after';
}

const OURS = Buffer.from('baton task');

export class TaskProxy {
  /** What was sent since it was armed. */
  sent = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #point: Point | undefined;
  #reached: (cut: () => void) => void = () => {};

  static async open(target: URL): Promise<TaskProxy> {
    const proxy = new TaskProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(private readonly target: URL) {
    this.#server = createServer((client) => this.#join(client, connect(Number(target.port || 5432), target.hostname)));
  }

  /** The target's URL, through here. */
  get url(): string {
    const through = new URL(this.target);
    through.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return through.href;
  }

  /** Counts anew. The callback may cut the dead connection, as a network would that tells. */
  arm(point: Point | undefined, reached: (cut: () => void) => void): void {
    this.sent = 0;
    this.#point = point;
    this.#reached = reached;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    let counted = false;
    let dead = false;
    const look = (when: Point['when']) => {
      if (!counted || dead || this.#point?.when !== when || this.sent !== this.#point.nth) return;
      dead = true;
      this.#reached(() => client.destroy());
    };
    client.on('data', (bytes) => {
      // The start-up message says what the connection is for.
      counted ||= bytes.includes(OURS);
      if (counted) this.sent++;
      look('before');
      if (!dead) server.write(bytes);
    });
    server.on('data', (bytes) => {
      look('after');
      if (!dead) client.write(bytes);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
