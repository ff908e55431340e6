/** From what the user gave to what amqplib takes. Passwords stay in here. */
import type { Options, SocketOptions } from 'amqplib';
import { ConfigError } from '../core/errors.js';

/** A URL (`amqp://user:password@host:5672/vhost?heartbeat=10`, or `amqps:`), or the same as amqplib's object. */
export type RabbitMqAddress = string | Options.Connect;

export interface ConnectionOptions {
  readonly address: RabbitMqAddress;
  readonly socket: SocketOptions;
  /** `host:port`, for messages. */
  readonly target: string;
}

/** A silent peer is taken for dead after two of these. The broker's own default of 60 s would be two minutes. */
const HEARTBEAT_SECONDS = 10;
export const CONNECT_TIMEOUT_MS = 10_000;

/** Throws a ConfigError when the address can't be one. */
export function connectionOptions(
  address: RabbitMqAddress,
  name: string,
  socket: SocketOptions = {},
): ConnectionOptions {
  const { target, ...rest } = typeof address === 'string' ? fromUrl(address) : fromObject(address);
  return {
    target,
    address: rest.address,
    socket: {
      // Nagle's algorithm would hold small frames back for as long as an ack is under way.
      noDelay: true,
      keepAlive: true,
      timeout: CONNECT_TIMEOUT_MS,
      ...socket,
      clientProperties: { connection_name: name, ...socket.clientProperties },
    },
  };
}

function fromUrl(text: string): { address: string; target: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'amqp:' && url.protocol !== 'amqps:')) {
    throw new ConfigError("the RabbitMQ address isn't a URL such as amqp://user:password@host:5672/vhost");
  }
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
  return { address: url.href, target: `${url.hostname}:${url.port || defaultPort(url.protocol)}` };
}

function fromObject(options: Options.Connect): { address: Options.Connect; target: string } {
  const { protocol = 'amqp', hostname = 'localhost', port = defaultPort(`${protocol}:`) } = options;
  const address = { heartbeat: HEARTBEAT_SECONDS, ...options, protocol, hostname, port: Number(port) };
  return { address, target: `${hostname}:${port}` };
}

function defaultPort(protocol: string): number {
  return protocol === 'amqps:' ? 5671 : 5672;
}
