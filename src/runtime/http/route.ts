/** What a worker's HTTP server answers at one address: routes are handed to it as a list, whoever makes them. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

export interface Route {
  /** GET, such as `/readyz`; HEAD comes with it. */
  readonly path: string;
  readonly answer: (request: IncomingMessage) => Answer | Promise<Answer>;
}

export interface Answer {
  /** @default 200 */
  readonly status?: number;
  /** The media type. @default JSON for an object, plain text otherwise */
  readonly type?: string;
  /** A stream goes on until it ends, its reader leaves, or the server closes, and then is destroyed. */
  /** Besides, such as a policy for browsers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | string | Buffer | Readable;
}
