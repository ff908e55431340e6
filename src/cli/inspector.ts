/** What `--inspect` connects with. */
import type { Logger } from '../core/logger.js';
import type { Inspector } from '../inspect/inspector.js';
import { relayIsInstalled } from '../inspect/relay.js';

/** Stately's inspector where it is installed; the page at /inspect comes with any. */
export async function inspector(logger: Logger): Promise<true | Inspector> {
  if (await relayIsInstalled()) return true;
  logger.info("for Stately's inspector besides: npm install @statelyai/inspect ws");
  return () => {};
}
