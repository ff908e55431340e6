/** What the probes say of a worker. */
import type { Monitored } from '../monitored.js';
import { type Probes, verdict } from './probes.js';

/** A worker, as far as probes look. */
export type Probed = Pick<Monitored, 'state' | 'detail' | 'consuming' | 'started' | 'lastHealth'>;

export interface LagLimit {
  /** The longest recent block of the event loop. */
  readonly worstMs: () => number;
  readonly limitMs: number;
}

export function workerProbes(worker: Probed, lag: LagLimit): Probes {
  return {
    live: () => {
      const loopLagMs = Math.round(lag.worstMs());
      return verdict(dead(worker, loopLagMs, lag.limitMs), { ...where(worker), loopLagMs });
    },
    ready: () => verdict(notReady(worker), { ...where(worker), ...worker.lastHealth }),
    started: () => verdict(worker.started ? undefined : `it is ${worker.state}`, where(worker)),
  };
}

/** A worker that drains, recovers or is paused is alive: nothing of that is mended by a restart. */
function dead({ state }: Probed, loopLagMs: number, limitMs: number): string | undefined {
  if (state === 'error') return 'it ended in error';
  return loopLagMs > limitMs ? `the event loop stood still for ${loopLagMs} ms` : undefined;
}

function notReady({ detail, consuming, lastHealth: { checks } }: Probed): string | undefined {
  if (!consuming) return `it is ${detail}`;
  const failing = Object.entries(checks).find(([, { ok, critical }]) => !ok && critical);
  return failing && `check ${failing[0]} is failing: ${failing[1].error}`;
}

function where({ state, detail }: Probed) {
  return { state, detail };
}
