/** Whether the broker can be used: also while it takes no messages, since it goes on delivering. */
import { ConnectionError } from '../core/errors.js';
import type { Transport, TransportState } from '../transport/transport.js';

export function isReachable(state: TransportState): boolean {
  return state === 'up' || state === 'blocked';
}

export function away(state: TransportState): ConnectionError {
  return new ConnectionError('RabbitMQ', `(${state})`);
}

/** Resolves when it can be used. Rejects with a ConnectionError when it can't within `limitMs`, or once aborted. */
export function reachable(
  transport: Pick<Transport, 'state' | 'onState'>,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (isReachable(transport.state)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const end = (then: () => void) => {
      clearTimeout(timer);
      unsubscribe();
      signal.removeEventListener('abort', refuse);
      then();
    };
    const refuse = () => end(() => reject(away(transport.state)));
    const timer = setTimeout(refuse, limitMs);
    const unsubscribe = transport.onState((state) => isReachable(state) && end(resolve));
    signal.addEventListener('abort', refuse, { once: true });
  });
}
