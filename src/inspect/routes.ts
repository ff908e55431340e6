/** What the page is made of, and the stream that it listens to. Everything is read-only. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import * as machines from '../../machines/index.js';
import type { Answer, Route } from '../runtime/http/route.js';
import { EventStream } from './event-stream.js';
import type { Lookout } from './lookout.js';
import { isAddressedHere } from './loopback.js';

/** The page takes nothing from anywhere else, and tells nobody anything. Mermaid styles what it draws in place. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const SCRIPTS = ['page', 'actors', 'deliveries', 'diagram', 'log', 'words', 'mermaid'];

export function inspectRoutes(lookout: Lookout, namespace: string): Route[] {
  return [
    file('/inspect', 'index.html', 'text/html'),
    file('/inspect/page.css', 'page.css', 'text/css'),
    ...SCRIPTS.map((name) => file(`/inspect/${name}.js`, `${name}.js`, 'text/javascript')),
    guarded('/inspect/machines', async () => ({ body: { namespace, machines: drawn() } })),
    guarded('/inspect/events', async () => ({ type: 'text/event-stream', body: new EventStream(lookout) })),
  ];
}

/** Of the folder `page`, as it stands in the package. */
function file(path: string, name: string, type: string): Route {
  return guarded(path, async () => {
    const body = await readFile(new URL(`page/${name}`, import.meta.url));
    return { type: `${type}; charset=utf-8`, body };
  });
}

function guarded(path: string, answer: () => Promise<Answer>): Route {
  return {
    path,
    answer: async (request: IncomingMessage) => {
      if (isAddressedHere(request)) return { ...(await answer()), headers: HEADERS };
      const error = 'ask by IP address or localhost, and from no other page: this is not for everybody';
      return { status: 403, body: { error } };
    },
  };
}

/** Each of our machines by its id, as Mermaid text. */
function drawn(): Record<string, string> {
  const all = Object.values(machines).filter((exported) => typeof exported === 'object');
  return Object.fromEntries(all.map((machine) => [machine.id, machines.machineToMermaid(machine)]));
}
