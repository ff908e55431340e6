/**
 * A worker's life: initializing → starting → running → stopping → stopped | error.
 *
 * Starting goes outwards in, stopping the same way back: beforeStart ↔ afterStop, opening ↔ closing, onStartup ↔
 * onShutdown, consuming ↔ quiescing, afterStart ↔ beforeStop. What fails or is told to stop while starting enters
 * the stop at the counterpart of the step it had reached, so that exactly what was begun is undone.
 *
 * What is wanted of a running worker (a pause) and what is known of it (the breaker, its health) are facts in the
 * context; its sub-states follow from them.
 */
import { and, assign, fromCallback, fromPromise, not, or, raise, sendTo, setup } from 'xstate';
import { breakerMachine } from './breaker.js';

export interface WorkerInput {
  readonly startupTimeoutMs: number;
}

export interface WorkerContext extends WorkerInput {
  /** Somebody asked for a pause. */
  readonly paused: boolean;
  /** The breaker isn't closed. */
  readonly tripped: boolean;
  /** A health check is failing. */
  readonly degraded: boolean;
  /** The stop shall not wait for tasks. */
  readonly forced: boolean;
  /** It ends in `error` and never ran: a step of the start-up failed, or it took too long. */
  readonly startFailed: boolean;
  /** The start-up took too long, all in all. */
  readonly expired: boolean;
  /** Everything that went wrong while starting and stopping, in order. */
  readonly errors: readonly unknown[];
}

export type WorkerEvent =
  | { readonly type: 'start.requested' }
  | { readonly type: 'stop.requested' }
  | { readonly type: 'stop.forced' }
  | { readonly type: 'pause.requested' }
  | { readonly type: 'resume.requested' }
  | { readonly type: 'infrastructure.failed' }
  | { readonly type: 'infrastructure.ok' }
  | { readonly type: 'health.changed'; readonly ok: boolean }
  /** Raised by the machine itself. */
  | { readonly type: 'startup.expired' };

/** A step of the start: rejects with what went wrong. */
const startStep = fromPromise<void>(() => new Promise<never>(() => {}));

/** A step of the stop: it goes to its end whatever happens, and resolves with everything that went wrong. */
const stopStep = fromPromise<readonly unknown[]>(() => new Promise<never>(() => {}));

export const workerMachine = setup({
  types: {
    context: {} as WorkerContext,
    events: {} as WorkerEvent,
    input: {} as WorkerInput,
  },
  actors: {
    beforeStart: startStep,
    open: startStep,
    onStartup: startStep,
    consume: startStep,
    afterStart: startStep,
    /** Looks at the health checks now and then, and says `health.changed`. */
    health: fromCallback<{ type: 'unused' }, undefined, WorkerEvent>(() => {}),
    breaker: breakerMachine,
    suspend: startStep,
    resume: startStep,
    beforeStop: stopStep,
    quiesce: stopStep,
    drain: stopStep,
    release: stopStep,
    onShutdown: stopStep,
    close: stopStep,
    afterStop: stopStep,
  },
  guards: {
    paused: ({ context }) => context.paused,
    tripped: ({ context }) => context.tripped,
    degraded: ({ context }) => context.degraded,
    forced: ({ context }) => context.forced,
    failed: ({ context }) => context.startFailed || context.errors.length > 0,
  },
  actions: {
    noteStartFailed: assign({
      startFailed: true,
      errors: ({ context }, { error }: { error: unknown }) => [...context.errors, error],
    }),
    noteExpired: assign({ startFailed: true, expired: true }),
    noteErrors: assign({
      errors: ({ context }, { errors }: { errors: readonly unknown[] }) => [...context.errors, ...errors],
    }),
    noteBreaker: assign({ tripped: (_, { closed }: { closed: boolean }) => !closed }),
    tellBreaker: sendTo('breaker', ({ event }) => event),
    trip: sendTo('breaker', { type: 'breaker.tripped' }),
  },
  delays: {
    startupTimeout: ({ context }) => context.startupTimeoutMs,
  },
}).createMachine({
  id: 'worker',
  context: ({ input }) => ({
    ...input,
    paused: false,
    tripped: false,
    degraded: false,
    forced: false,
    startFailed: false,
    expired: false,
    errors: [],
  }),
  initial: 'initializing',
  states: {
    initializing: {
      on: { 'start.requested': 'starting', 'stop.requested': 'stopped' },
    },

    starting: {
      initial: 'beforeStart',
      after: { startupTimeout: { actions: raise({ type: 'startup.expired' }) } },
      states: {
        beforeStart: {
          invoke: {
            src: 'beforeStart',
            onDone: 'opening',
            onError: { target: '#worker.stopping.afterStop', actions: failedStart() },
          },
          on: {
            'stop.requested': '#worker.stopping.afterStop',
            'startup.expired': { target: '#worker.stopping.afterStop', actions: 'noteExpired' },
          },
        },
        opening: {
          invoke: {
            src: 'open',
            onDone: 'onStartup',
            onError: { target: '#worker.stopping.closing', actions: failedStart() },
          },
          on: {
            'stop.requested': '#worker.stopping.closing',
            'startup.expired': { target: '#worker.stopping.closing', actions: 'noteExpired' },
          },
        },
        onStartup: {
          invoke: {
            src: 'onStartup',
            onDone: 'consuming',
            onError: { target: '#worker.stopping.onShutdown', actions: failedStart() },
          },
          on: {
            'stop.requested': '#worker.stopping.onShutdown',
            'startup.expired': { target: '#worker.stopping.onShutdown', actions: 'noteExpired' },
          },
        },
        consuming: {
          invoke: {
            src: 'consume',
            onDone: 'afterStart',
            onError: { target: '#worker.stopping.quiescing', actions: failedStart() },
          },
          on: {
            'stop.requested': '#worker.stopping.quiescing',
            'startup.expired': { target: '#worker.stopping.quiescing', actions: 'noteExpired' },
          },
        },
        afterStart: {
          invoke: {
            src: 'afterStart',
            onDone: '#worker.running',
            onError: { target: '#worker.stopping.beforeStop', actions: failedStart() },
          },
          on: {
            'stop.requested': '#worker.stopping.beforeStop',
            'startup.expired': { target: '#worker.stopping.beforeStop', actions: 'noteExpired' },
          },
        },
      },
    },

    running: {
      initial: 'active',
      invoke: [
        {
          src: 'breaker',
          id: 'breaker',
          input: {},
          onSnapshot: {
            actions: { type: 'noteBreaker', params: ({ event }) => ({ closed: event.snapshot.matches('closed') }) },
          },
        },
        { src: 'health', id: 'health' },
      ],
      on: {
        'stop.requested': 'stopping',
        'pause.requested': { actions: assign({ paused: true }) },
        'resume.requested': { actions: assign({ paused: false }) },
        'health.changed': { actions: assign({ degraded: ({ event }) => !event.ok }) },
        'infrastructure.failed': { actions: 'tellBreaker' },
        'infrastructure.ok': { actions: 'tellBreaker' },
      },
      states: {
        active: {
          always: [
            { guard: or(['paused', 'tripped']), target: 'quiescing' },
            { guard: 'degraded', target: 'degraded' },
          ],
        },
        degraded: {
          always: [
            { guard: or(['paused', 'tripped']), target: 'quiescing' },
            { guard: not('degraded'), target: 'active' },
          ],
        },
        quiescing: {
          invoke: { src: 'suspend', onDone: 'paused', onError: 'paused' },
        },
        paused: {
          always: [
            { guard: and([not('paused'), 'tripped']), target: 'recovering' },
            { guard: not('paused'), target: 'resuming' },
          ],
        },
        recovering: {
          always: [
            { guard: 'paused', target: 'paused' },
            { guard: not('tripped'), target: 'resuming' },
          ],
        },
        resuming: {
          invoke: { src: 'resume', onDone: 'active', onError: { target: 'quiescing', actions: 'trip' } },
        },
      },
    },

    stopping: {
      initial: 'beforeStop',
      on: { 'stop.forced': { actions: assign({ forced: true }) } },
      states: {
        beforeStop: {
          invoke: {
            src: 'beforeStop',
            onDone: { target: 'quiescing', actions: stepDone() },
            onError: { target: 'quiescing', actions: stepFailed() },
          },
          on: { 'stop.forced': { target: 'quiescing', actions: assign({ forced: true }) } },
        },
        quiescing: {
          invoke: {
            src: 'quiesce',
            onDone: { target: 'draining', actions: stepDone() },
            onError: { target: 'draining', actions: stepFailed() },
          },
        },
        draining: {
          always: { guard: 'forced', target: 'releasing' },
          invoke: {
            src: 'drain',
            onDone: { target: 'releasing', actions: stepDone() },
            onError: { target: 'releasing', actions: stepFailed() },
          },
        },
        releasing: {
          invoke: {
            src: 'release',
            onDone: { target: 'onShutdown', actions: stepDone() },
            onError: { target: 'onShutdown', actions: stepFailed() },
          },
        },
        onShutdown: {
          invoke: {
            src: 'onShutdown',
            onDone: { target: 'closing', actions: stepDone() },
            onError: { target: 'closing', actions: stepFailed() },
          },
        },
        closing: {
          invoke: {
            src: 'close',
            onDone: { target: 'afterStop', actions: stepDone() },
            onError: { target: 'afterStop', actions: stepFailed() },
          },
        },
        afterStop: {
          invoke: {
            src: 'afterStop',
            onDone: { target: 'ending', actions: stepDone() },
            onError: { target: 'ending', actions: stepFailed() },
          },
        },
        ending: {
          always: [{ guard: 'failed', target: '#worker.error' }, { target: '#worker.stopped' }],
        },
      },
    },

    stopped: { type: 'final' },
    error: { type: 'final' },
  },
});

function failedStart() {
  return {
    type: 'noteStartFailed' as const,
    params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }),
  };
}

function stepDone() {
  return {
    type: 'noteErrors' as const,
    params: ({ event }: { event: { output: readonly unknown[] } }) => ({ errors: event.output }),
  };
}

function stepFailed() {
  return {
    type: 'noteErrors' as const,
    params: ({ event }: { event: { error: unknown } }) => ({ errors: [event.error] }),
  };
}
