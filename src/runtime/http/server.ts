/** The HTTP server of a worker, or of a supervisor: a list of routes at one address, open from start to end. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ConfigError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { loadPeer } from './load-peer.js';
import type { Route } from './route.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly logger: Logger;
}

export class HttpServer {
  readonly #options: HttpServerOptions;
  #app: FastifyInstance | undefined;
  #url: string | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  /** Such as `http://127.0.0.1:9090`, while it is open. */
  get url(): string | undefined {
    return this.#url;
  }

  /** Rejects with a ConfigError when fastify isn't installed, or when it can't listen at this address. */
  async open(routes: readonly Route[]): Promise<void> {
    const { host, port, logger } = this.#options;
    const { fastify } = await loadPeer('fastify', () => import('fastify'));
    // A stream that somebody still reads must not keep the server from closing.
    const app = fastify({ forceCloseConnections: true });
    app.setErrorHandler((err, request, reply) => {
      logger.error({ err, path: request.url }, 'an HTTP request failed');
      return reply.code(500).send({ error: 'it failed; the log says why' });
    });
    for (const route of routes) add(app, route);
    try {
      await app.listen({ host, port });
    } catch (cause) {
      await app.close();
      const { code = String(cause) } = cause as NodeJS.ErrnoException;
      throw new ConfigError(`http: can't listen at ${host}:${port} (${code}); give another host, or another port`, {
        cause,
      });
    }
    this.#app = app;
    this.#url = urlOf(app.server.address() as AddressInfo);
    logger.info({ url: this.#url }, 'http listening');
  }

  /** Also before it was open, and twice. */
  async close(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    this.#url = undefined;
    await app?.close();
  }
}

function add(app: FastifyInstance, { path, answer }: Route): void {
  app.get(path, async (request, reply) => {
    const { status = 200, type, headers = {}, body } = await answer(request.raw);
    reply.code(status).header('cache-control', 'no-store').headers(headers);
    if (type !== undefined) reply.type(type);
    return body;
  });
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
