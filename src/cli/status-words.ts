/** What a run is doing, or how it ended, in a line. */
import type { RunStatus } from '../client/status.js';
import { printable } from './text-width.js';

export function statusWords(status: RunStatus): string {
  switch (status.status) {
    case 'waiting':
      return `waiting at ${status.node} until ${status.until.toISOString()}`;
    case 'awaiting_signal':
      return [
        `awaiting signal ${status.signal}`,
        status.node === status.signal ? '' : ` at ${status.node}`,
        status.until === undefined ? '' : ` until ${status.until.toISOString()}`,
      ].join('');
    case 'paused':
    case 'cancelled': {
      const by = status.by === undefined ? '' : ` by ${status.by}`;
      return printable(`${status.status}${by}${status.reason === undefined ? '' : `: ${status.reason}`}`);
    }
    case 'failed':
      return `failed in ${status.task}, attempt ${status.attempt}: ${errorWords(status.error)}`;
    default:
      return status.status;
  }
}

export function errorWords({ name, message }: { readonly name: string; readonly message: string }): string {
  return printable(`${name}: ${message.split('\n', 1)[0] ?? ''}`);
}
