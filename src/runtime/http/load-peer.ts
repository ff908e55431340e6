/** Packages that only those need who ask for HTTP. */
import { ConfigError } from '../../core/errors.js';

/** Rejects with a ConfigError that says what to install. */
export async function loadPeer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new ConfigError(`http takes ${name}, which can't be loaded: npm install fastify prom-client`, { cause });
  }
}
