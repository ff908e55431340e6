/** What will move an open activation on, in words, and whether that is there. */
import type { QueueRow } from '../core/model.js';
import { span } from '../core/span.js';
import type { ActivationView, QueueLoad, SessionView } from '../store/store.js';
import type { QueueDepth } from '../transport/transport.js';

export interface Surroundings {
  /** The store's clock. */
  readonly now: number;
  readonly sessions: readonly SessionView[];
  readonly queues: ReadonlyMap<number, QueueRow & QueueLoad & { readonly depth: QueueDepth | undefined }>;
}

interface OfRun extends Surroundings {
  /** The run's id. */
  readonly run: string;
  readonly open: readonly ActivationView[];
}

export interface Blocked {
  readonly waitsFor: string;
  /** What is wrong about it, and what to do. */
  readonly trouble?: string;
}

/** Workers do what is due within a second; so much later something is wrong. */
const LATE_MS = 10_000;

export function wakeSource(view: ActivationView, around: OfRun): Blocked {
  const { now, run, open } = around;
  switch (view.state) {
    case 'ready':
      return ofReady(view, around);
    case 'leased':
      return ofLeased(view, around);
    case 'backing_off':
      return ofTimer(`attempt ${view.attempt}`, view, now);
    case 'delayed':
      return ofTimer('its time', view, now);
    case 'awaiting_signal': {
      const signal = `signal ${view.signal}: baton signal ${run} ${view.signal} --payload JSON`;
      return view.dueAt === undefined ? { waitsFor: signal } : ofTimer(`${signal}; or its timeout`, view, now);
    }
    case 'joining': {
      const inside = open.filter(({ path }) => path.startsWith(`${view.path}/`) || path.startsWith(`${view.path}#`));
      if (inside.length > 0) return { waitsFor: `the ${inside.length} of its parts that are below` };
      return {
        waitsFor: 'parts',
        trouble: `${view.path} of run ${run} waits for parts that aren't there: please report it`,
      };
    }
    case 'queued':
      return { waitsFor: 'its turn: an element of the same map has to end first' };
    case 'held':
      return { waitsFor: `the paused run: baton resume ${run}` };
    case 'completed':
    case 'failed':
    case 'cancelled':
      return { waitsFor: 'nothing' };
  }
}

function ofReady({ queue, readyAt, publishedAt, repeats }: ActivationView, { now, queues }: OfRun): Blocked {
  const found = queues.get(queue);
  const since = readyAt === undefined ? '' : `, ready for ${span(now - readyAt)}`;
  const again =
    repeats === 0 || publishedAt === undefined
      ? ''
      : `; its message was replaced ${times(repeats)}, last ${span(now - publishedAt)} ago`;
  const depth = found?.depth;
  if (depth === undefined) return { waitsFor: `a worker${since}${again}` };
  const around = `${count(depth.ready, 'message')} in its queue, ${count(depth.consumers, 'consumer')}, ${found?.leased ?? 0} running`;
  return { waitsFor: `a free worker (${around})${since}${again}` };
}

function ofLeased({ worker, attempt, startedAt }: ActivationView, { now, sessions }: OfRun): Blocked {
  const running = `attempt ${attempt} on worker ${worker}${startedAt === undefined ? '' : `, for ${span(now - startedAt)}`}`;
  const session = sessions.findLast(({ workerId }) => workerId === worker);
  if (session?.state === 'alive') return { waitsFor: running };
  if (sessions.some(({ state }) => state === 'alive'))
    return { waitsFor: `${running}; that one is gone, and another takes it over in a moment` };
  return {
    waitsFor: `${running}; that one is gone`,
    trouble: `worker ${worker} is gone and no other is there: start one with baton worker MODULE`,
  };
}

function ofTimer(what: string, { dueAt = Number.NaN }: ActivationView, now: number): Blocked {
  const waitsFor = `${what}, due ${dueAt >= now ? 'in' : 'since'} ${span(Math.abs(dueAt - now))}, at ${new Date(dueAt).toISOString()}`;
  if (now - dueAt < LATE_MS) return { waitsFor };
  return { waitsFor, trouble: 'timers are overdue: a worker has to be there to fire them; baton worker MODULE' };
}

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
