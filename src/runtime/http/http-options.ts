/** Where HTTP is served: the option, and its words on the command line. */
import type { Duration } from '../../core/duration.js';
import { ConfigError } from '../../core/errors.js';
import { duration, shown, text } from '../option-values.js';
import { refuseUnknown } from '../unknown-options.js';

/** Where a worker answers `/livez`, `/readyz`, `/startupz` and `/metrics`. */
export interface HttpOptions {
  /** The address to listen at; `0.0.0.0` is every one of IPv4, and nobody is asked who they are. @default '127.0.0.1' */
  readonly host?: string;
  /** 0: one that is free, which a line of the log and `worker.http.url` tell. */
  readonly port: number;
  /** `/livez` says 503 when the event loop stood still for longer within the last 10 s. @default 5 s */
  readonly maxLoopLag?: Duration;
}

export interface ResolvedHttp {
  readonly host: string;
  readonly port: number;
  readonly maxLoopLagMs: number;
}

const LOOPBACK = '127.0.0.1';
const MOST_PORT = 65_535;

/** Reads `:9090`, `9090`, `host:9090` or `[::1]:9090`. Throws a ConfigError. */
export function parseHttp(given: string): HttpOptions {
  const [, host, port] = /^(?:(\[[\da-f:.]+\]|[^:[\]]*):)?(\d{1,5})$/i.exec(given) ?? [];
  if (port === undefined || Number(port) > MOST_PORT)
    throw new ConfigError(`${JSON.stringify(given)} is no address to listen at; give :9090, 9090 or host:9090`);
  return { ...(host ? { host: host.replace(/^\[|\]$/g, '') } : {}), port: Number(port) };
}

/** Throws a ConfigError that names the option. */
export function resolveHttp(given: HttpOptions): ResolvedHttp {
  refuseUnknown(given, ['host', 'port', 'maxLoopLag'], 'http');
  const { host = LOOPBACK, port, maxLoopLag = '5s' } = given;
  if (!Number.isInteger(port) || port < 0 || port > MOST_PORT)
    throw new ConfigError(`http.port: ${shown(port)} is not a whole number from 0 to ${MOST_PORT}`);
  return { host: text('http.host', host), port, maxLoopLagMs: duration('http.maxLoopLag', maxLoopLag, 1) };
}
