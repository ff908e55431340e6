/**
 * Who may ask for what the inspector shows. A browser sends whatever a page tells it to, also to this machine: a page of
 * a stranger's may name it under a host name of its own (DNS rebinding), or open a WebSocket from afar.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * Whether a request was addressed to this machine as such, by an IP address or `localhost`, and doesn't come from a page
 * of another origin. Whoever can't be fooled into asking (a program, no browser) sends no Origin and may.
 */
export function isAddressedHere({ headers: { host, origin } }: IncomingMessage): boolean {
  return isOwnName(hostnameOf(`http://${host}`)) && (origin === undefined || origin === `http://${host}`);
}

/** Whether the page that opens a WebSocket, if it is one, is of this machine. */
export function isFromHere({ headers: { host, origin } }: IncomingMessage): boolean {
  return isOwnName(hostnameOf(`http://${host}`)) && (origin === undefined || isLoopback(hostnameOf(origin)));
}

function isOwnName(name: string): boolean {
  return name === 'localhost' || isIP(name) !== 0;
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

/** '' where there is none. */
function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
}
