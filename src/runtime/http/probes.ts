/** /livez, /readyz and /startupz: 200 or 503, with a body that says why. */
import type { Route } from './route.js';

export interface Verdict {
  readonly ok: boolean;
  /** Why not, in words. */
  readonly reason?: string;
  /** Whatever else there is to know, such as the state and the checks. */
  readonly [detail: string]: unknown;
}

export interface Probes {
  /** Whether the process can go on at all: if not, it is worth a restart. */
  live(): Verdict | Promise<Verdict>;
  /** Whether it takes work. */
  ready(): Verdict | Promise<Verdict>;
  /** Whether its start-up is over and went well. */
  started(): Verdict | Promise<Verdict>;
}

export function probeRoutes(probes: Probes): Route[] {
  const route = (path: string, ask: Probes[keyof Probes]): Route => ({
    path,
    answer: async () => {
      const verdict = await ask();
      return { status: verdict.ok ? 200 : 503, body: verdict };
    },
  });
  return [
    route('/livez', () => probes.live()),
    route('/readyz', () => probes.ready()),
    route('/startupz', () => probes.started()),
  ];
}

/** `ok` where there is nothing to say against it. */
export function verdict(reason: string | undefined, details: Readonly<Record<string, unknown>>): Verdict {
  return { ok: reason === undefined, ...(reason === undefined ? {} : { reason }), ...details };
}
