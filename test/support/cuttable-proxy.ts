/** Stands between a client and a server, and breaks the connection the ways that networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class CuttableProxy {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #stalled = false;

  constructor(
    private readonly host: string,
    private readonly targetPort: number,
  ) {}

  get port(): number {
    return this.#port;
  }

  /** On a port of its own; the same one again after `setDown`. */
  async listen(): Promise<void> {
    const server = createServer((client) => this.#join(client));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts every connection; clients may come back at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts every connection and refuses new ones, until it is up again. */
  async setDown(down: boolean): Promise<void> {
    if (!down) return this.listen();
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined) return;
    server.close();
    await once(server, 'close');
  }

  /** Open connections carry nothing any more, without being closed. */
  setStalled(stalled: boolean): void {
    this.#stalled = stalled;
    for (const socket of this.#sockets)
      if (stalled) socket.pause();
      else socket.resume();
  }

  async close(): Promise<void> {
    await this.setDown(true);
  }

  #join(client: Socket): void {
    const server = connect(this.targetPort, this.host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#stalled) from.pause();
    }
  }
}
