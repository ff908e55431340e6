/**
 * The Stately inspector's side: a WebSocket on the loopback interface that tells whoever connects, in the frames of
 * @statelyai/inspect, of all actors that live and of everything they do from then on. With nobody connected nothing is
 * made. The package's own relay listens on all interfaces, and forgets actors that were made long ago.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import type { InspectionEvent } from 'xstate';
import { ConfigError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import { isFromHere } from './loopback.js';
import { Roll } from './roll.js';
import { viewerPage } from './viewer-page.js';

type Stately = typeof import('@statelyai/inspect');
type Ws = typeof import('ws');
type Viewer = import('ws').WebSocket;

const LOOPBACK = '127.0.0.1';
/** Where the receivers of @statelyai/inspect look by themselves. */
const PORT = 8080;
/** A viewer that lets so much pile up, in bytes, is let go. */
const MOST_BEHIND = 8 * 1024 * 1024;

export class Relay {
  readonly #server: Server;
  readonly #sockets: import('ws').WebSocketServer;
  readonly #inspector: ReturnType<Stately['createInspector']>;
  readonly #roll = new Roll();

  /** Rejects with a ConfigError when a package that it takes isn't installed. */
  static async open(logger: Logger): Promise<Relay> {
    const [stately, ws] = await loadPackages();
    const relay = new Relay(stately, ws);
    await relay.#listen();
    logger.info({ url: relay.url }, 'the Stately inspector is served; the page needs the internet');
    return relay;
  }

  private constructor({ createInspector }: Stately, { WebSocketServer }: Ws) {
    this.#server = createServer((request, response) => {
      const allowed = isFromHere(request);
      response.writeHead(allowed ? 200 : 403, { 'content-type': 'text/html; charset=utf-8' });
      response.end(allowed ? viewerPage : '');
    });
    this.#sockets = new WebSocketServer({
      server: this.#server,
      verifyClient: ({ req }: { req: IncomingMessage }) => isFromHere(req),
    });
    this.#sockets.on('connection', (viewer) => this.#welcome(viewer));
    // They are the server's own, told where it listens.
    this.#sockets.on('error', () => {});
    const adapter = { send: (frame: unknown) => this.#send(JSON.stringify(frame)) };
    this.#inspector = createInspector(adapter, {
      sanitizeContext: withoutObjects,
      sanitizeEvent: withoutObjects,
      serialize: withoutResults,
    });
  }

  get url(): string {
    return `http://${LOOPBACK}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether anybody looks. */
  get watching(): boolean {
    return this.#sockets.clients.size > 0;
  }

  next(event: InspectionEvent): void {
    this.#roll.note(event);
    if (this.watching) this.#inspector.inspect.next?.(event);
  }

  async close(): Promise<void> {
    for (const viewer of this.#sockets.clients) viewer.terminate();
    this.#sockets.close();
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  /** At the usual port, or where another program has that, at any that is free. */
  async #listen(): Promise<void> {
    try {
      await listen(this.#server, PORT);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await listen(this.#server, 0);
    }
  }

  #welcome(viewer: Viewer): void {
    viewer.on('error', () => viewer.terminate());
    // Those that looked before hear of these again, which tells them nothing new.
    for (const made of this.#roll.living()) this.#inspector.inspect.next?.(made);
  }

  #send(frame: string): void {
    for (const viewer of this.#sockets.clients) {
      if (viewer.bufferedAmount > MOST_BEHIND) viewer.terminate();
      else if (viewer.readyState === viewer.OPEN) viewer.send(frame);
    }
  }
}

/** Errors, and what tasks were given, are nobody's to see: names, numbers and flags are enough. */
function withoutObjects<T extends object | undefined>(given: T): T {
  const plain = Object.entries(given ?? {}).filter(
    ([, value]) => typeof value !== 'object' && typeof value !== 'function',
  );
  return Object.fromEntries(plain) as T;
}

export async function relayIsInstalled(): Promise<boolean> {
  return loadPackages().then(
    () => true,
    (error: unknown) => {
      if (error instanceof ConfigError) return false;
      throw error;
    },
  );
}

/** Of a snapshot that leaves what an actor was given and what came of it, which may be anything. */
function withoutResults(event: StatelyInspectionEvent): StatelyInspectionEvent {
  if (!('snapshot' in event)) return event;
  const { status, value, context } = event.snapshot as { status?: string; value?: unknown; context?: unknown };
  return { ...event, snapshot: { status, value, context } } as StatelyInspectionEvent;
}

async function loadPackages(): Promise<[Stately, Ws]> {
  try {
    return await Promise.all([import('@statelyai/inspect'), import('ws')]);
  } catch (cause) {
    throw new ConfigError("inspect: true takes packages that can't be loaded: npm install @statelyai/inspect ws", {
      cause,
    });
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
