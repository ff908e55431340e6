/**
 * Postgres and queues in this process, instead of services: what all connections to one folder share. The first to
 * come opens it, the last to go closes it.
 */
import { resolve } from 'node:path';
import { EmbeddedServer } from '../store/pglite/embedded-server.js';
import type { Server } from '../store/postgres/server.js';
import { InProcessBroker } from '../transport/in-process.js';

/** `true`: the folder `.baton`; 'memory': no folder, gone with the connection; any other text: that folder. */
export type EmbeddedPlace = true | string;

export const DEFAULT_FOLDER = '.baton';

/** What one connection gets. Closing its server is its leave. */
export interface Embedded {
  readonly server: Server;
  readonly broker: InProcessBroker;
}

interface Shared {
  readonly server: EmbeddedServer;
  readonly broker: InProcessBroker;
  users: number;
}

const opened = new Map<string, Promise<Shared>>();

/** The folder of a place, as an absolute path; undefined in memory. */
function folderOf(place: EmbeddedPlace): string | undefined {
  if (place === 'memory') return undefined;
  return resolve(place === true ? DEFAULT_FOLDER : place);
}

/** Rejects as EmbeddedServer.open does. */
export async function openEmbedded(place: EmbeddedPlace, onError: (error: Error) => void): Promise<Embedded> {
  const folder = folderOf(place);
  if (folder === undefined) return use(await open(undefined, onError), async () => {});
  for (;;) {
    let opening = opened.get(folder);
    if (opening === undefined) {
      opening = open(folder, onError);
      opened.set(folder, opening);
    }
    try {
      const shared = await opening;
      // Its last user may have left while it was waited for.
      if (opened.get(folder) === opening) return use(shared, async () => void opened.delete(folder));
    } catch (error) {
      if (opened.get(folder) === opening) opened.delete(folder);
      throw error;
    }
  }
}

async function open(folder: string | undefined, onError: (error: Error) => void): Promise<Shared> {
  return { server: await EmbeddedServer.open(folder, onError), broker: new InProcessBroker(), users: 0 };
}

function use(shared: Shared, last: () => Promise<void>): Embedded {
  shared.users++;
  const server = shared.server.lend(async () => {
    if (--shared.users > 0) return;
    await last();
    await shared.server.close();
  });
  return { server, broker: shared.broker };
}
