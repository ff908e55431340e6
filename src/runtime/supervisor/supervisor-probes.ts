/** What the probes say of several processes: each is asked what its own would say. */
import type { ProcessState } from '../../../machines/supervisor.js';
import { type Probes, type Verdict, verdict } from '../http/probes.js';
import type { LagLimit } from '../http/worker-probes.js';

export interface OfProcess {
  readonly state: ProcessState;
  readonly restarts: number;
  readonly pid: number | undefined;
  /** Its own verdict; undefined when it doesn't answer. */
  readonly ask: (question: 'live' | 'ready') => Promise<unknown>;
}

export interface Supervised {
  readonly processes: () => readonly OfProcess[];
  readonly stopping: () => boolean;
  /** Whether all of them took work once. */
  readonly started: () => boolean;
  readonly lag: LagLimit;
}

/** States in which a process has a worker to ask. */
const AT_WORK: readonly ProcessState[] = ['ready', 'unready'];

export function supervisorProbes({ processes, stopping, started, lag }: Supervised): Probes {
  return {
    /** A process that starts or rests is being seen to; one that doesn't answer is stuck, and only a restart helps. */
    live: async () => {
      const loopLagMs = Math.round(lag.worstMs());
      const all = await Promise.all(
        processes().map((one) => (AT_WORK.includes(one.state) ? asked(one, 'live') : shown(one))),
      );
      const own = loopLagMs > lag.limitMs ? `the event loop stood still for ${loopLagMs} ms` : undefined;
      return verdict(own ?? reasonOf(all), { loopLagMs, processes: all });
    },
    ready: async () => {
      const all = await Promise.all(processes().map(readiness));
      return verdict(stopping() ? 'it is stopping' : reasonOf(all), { processes: all });
    },
    started: () =>
      verdict(started() ? undefined : 'not all processes have taken work yet', { processes: processes().map(shown) }),
  };
}

async function readiness(one: OfProcess): Promise<Verdict> {
  if (one.state === 'ready') return asked(one, 'ready');
  return AT_WORK.includes(one.state)
    ? { ...(await asked(one, 'ready')), ok: false }
    : { ...shown(one), ok: false, reason: `it is ${one.state}` };
}

async function asked(one: OfProcess, question: 'live' | 'ready'): Promise<Verdict> {
  const answer = (await one.ask(question)) as Verdict | undefined;
  return { ...shown(one), ...(answer ?? { ok: false, reason: 'it does not answer' }) };
}

function shown({ state, restarts, pid }: OfProcess): Verdict {
  return { ok: true, process: state, restarts, ...(pid === undefined ? {} : { pid }) };
}

/** The first that isn't well, and why. */
function reasonOf(all: readonly Verdict[]): string | undefined {
  const at = all.findIndex(({ ok }) => !ok);
  return at < 0 ? undefined : `process ${at + 1}: ${all[at]?.reason ?? 'it takes no work'}`;
}
