/** prom-client, loaded only where metrics are asked for. */
import { loadPeer } from '../http/load-peer.js';

export type PromClient = typeof import('prom-client');

/** Rejects with a ConfigError when it isn't installed. */
export async function loadPromClient(): Promise<PromClient> {
  const { default: client } = await loadPeer('prom-client', () => import('prom-client'));
  return client;
}
