/**
 * A worker's life: initializing → starting → running → stopping → stopped | error.
 *
 * Its start goes through these steps, its stop through the counterparts, from top to bottom on the right:
 *
 *     serving                      beforeStop
 *     beforeStart                  quiescing     takes no more work
 *     database                     draining      what runs comes to its end
 *     broker                       releasing     or is handed back
 *     topology                     flushing      and the last messages are confirmed
 *     onStartup                    onShutdown
 *     checking                     closing
 *     registering                  afterStop
 *     consuming                    unserving
 *     afterStart
 *
 * What fails or is told to stop while starting enters the stop where the undoing of its own step begins, and a step
 * that wasn't come to has nothing undone: serving ↔ unserving, beforeStart ↔ afterStop, onStartup ↔ onShutdown,
 * registering ↔ closing, consuming ↔ quiescing to flushing, afterStart ↔ beforeStop. The rest only asks, and leaves
 * nothing behind: connections were there before the worker, and outlive it.
 *
 * What is wanted of a running worker (a pause) and what is known of it (the breaker, its health) are facts in the
 * context; its sub-states follow from them.
 */
import { assign, fromCallback, fromPromise, raise, sendTo, setup } from 'xstate';
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
  /** It has a session, or may have. */
  readonly registered: boolean;
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
  /** Nothing goes without it, and it is gone: no need to count failures. */
  | { readonly type: 'infrastructure.lost' }
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
    serve: startStep,
    beforeStart: startStep,
    reachDatabase: startStep,
    reachBroker: startStep,
    learnTopology: startStep,
    onStartup: startStep,
    check: startStep,
    register: startStep,
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
    flush: stopStep,
    onShutdown: stopStep,
    close: stopStep,
    afterStop: stopStep,
    unserve: stopStep,
  },
  guards: {
    paused: ({ context }) => context.paused,
    'paused or tripped': ({ context }) => context.paused || context.tripped,
    'tripped, not paused': ({ context }) => context.tripped && !context.paused,
    'not paused': ({ context }) => !context.paused,
    'not tripped': ({ context }) => !context.tripped,
    degraded: ({ context }) => context.degraded,
    'not degraded': ({ context }) => !context.degraded,
    forced: ({ context }) => context.forced,
    'not registered': ({ context }) => !context.registered,
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
    registered: false,
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
      initial: 'serving',
      after: { startupTimeout: { actions: raise({ type: 'startup.expired' }) } },
      states: {
        serving: {
          invoke: { src: 'serve', onDone: 'beforeStart', onError: failedStart('#worker.stopping.unserving') },
          on: toldToStop('#worker.stopping.unserving'),
        },
        beforeStart: {
          invoke: { src: 'beforeStart', onDone: 'database', onError: failedStart('#worker.stopping.afterStop') },
          on: toldToStop('#worker.stopping.afterStop'),
        },
        database: {
          invoke: { src: 'reachDatabase', onDone: 'broker', onError: failedStart('#worker.stopping.afterStop') },
          on: toldToStop('#worker.stopping.afterStop'),
        },
        broker: {
          invoke: { src: 'reachBroker', onDone: 'topology', onError: failedStart('#worker.stopping.afterStop') },
          on: toldToStop('#worker.stopping.afterStop'),
        },
        topology: {
          invoke: { src: 'learnTopology', onDone: 'onStartup', onError: failedStart('#worker.stopping.afterStop') },
          on: toldToStop('#worker.stopping.afterStop'),
        },
        onStartup: {
          invoke: { src: 'onStartup', onDone: 'checking', onError: failedStart('#worker.stopping.onShutdown') },
          on: toldToStop('#worker.stopping.onShutdown'),
        },
        checking: {
          invoke: { src: 'check', onDone: 'registering', onError: failedStart('#worker.stopping.onShutdown') },
          on: toldToStop('#worker.stopping.onShutdown'),
        },
        registering: {
          entry: assign({ registered: true }),
          invoke: { src: 'register', onDone: 'consuming', onError: failedStart('#worker.stopping.onShutdown') },
          on: toldToStop('#worker.stopping.onShutdown'),
        },
        consuming: {
          invoke: { src: 'consume', onDone: 'afterStart', onError: failedStart('#worker.stopping.quiescing') },
          on: toldToStop('#worker.stopping.quiescing'),
        },
        afterStart: {
          invoke: { src: 'afterStart', onDone: '#worker.running', onError: failedStart('#worker.stopping.beforeStop') },
          on: toldToStop('#worker.stopping.beforeStop'),
        },
      },
    },

    running: {
      initial: 'ready',
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
        'infrastructure.lost': { actions: 'trip' },
      },
      states: {
        ready: {
          always: [
            { guard: 'paused or tripped', target: 'quiescing' },
            { guard: 'degraded', target: 'degraded' },
          ],
        },
        degraded: {
          always: [
            { guard: 'paused or tripped', target: 'quiescing' },
            { guard: 'not degraded', target: 'ready' },
          ],
        },
        quiescing: {
          invoke: { src: 'suspend', onDone: 'paused', onError: 'paused' },
        },
        paused: {
          always: [
            { guard: 'tripped, not paused', target: 'recovering' },
            { guard: 'not paused', target: 'resuming' },
          ],
        },
        recovering: {
          always: [
            { guard: 'paused', target: 'paused' },
            { guard: 'not tripped', target: 'resuming' },
          ],
        },
        resuming: {
          invoke: { src: 'resume', onDone: 'ready', onError: { target: 'quiescing', actions: 'trip' } },
        },
      },
    },

    stopping: {
      initial: 'beforeStop',
      on: { 'stop.forced': { actions: assign({ forced: true }) } },
      states: {
        beforeStop: {
          invoke: { src: 'beforeStop', onDone: stepDone('quiescing'), onError: stepFailed('quiescing') },
          on: { 'stop.forced': { target: 'quiescing', actions: assign({ forced: true }) } },
        },
        quiescing: {
          invoke: { src: 'quiesce', onDone: stepDone('draining'), onError: stepFailed('draining') },
        },
        draining: {
          always: { guard: 'forced', target: 'releasing' },
          invoke: { src: 'drain', onDone: stepDone('releasing'), onError: stepFailed('releasing') },
        },
        releasing: {
          invoke: { src: 'release', onDone: stepDone('flushing'), onError: stepFailed('flushing') },
        },
        flushing: {
          invoke: { src: 'flush', onDone: stepDone('onShutdown'), onError: stepFailed('onShutdown') },
        },
        onShutdown: {
          invoke: { src: 'onShutdown', onDone: stepDone('closing'), onError: stepFailed('closing') },
        },
        closing: {
          always: { guard: 'not registered', target: 'afterStop' },
          invoke: { src: 'close', onDone: stepDone('afterStop'), onError: stepFailed('afterStop') },
        },
        afterStop: {
          invoke: { src: 'afterStop', onDone: stepDone('unserving'), onError: stepFailed('unserving') },
        },
        unserving: {
          invoke: { src: 'unserve', onDone: stepDone('ending'), onError: stepFailed('ending') },
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

/** A start-up is unwound from the counterpart of the step it had come to. */
function toldToStop(counterpart: string) {
  return {
    'stop.requested': counterpart,
    'startup.expired': { target: counterpart, actions: 'noteExpired' as const },
  };
}

function failedStart(counterpart: string) {
  const params = ({ event }: { event: { error: unknown } }) => ({ error: event.error });
  return { target: counterpart, actions: { type: 'noteStartFailed' as const, params } };
}

/** A stop goes on whatever happens. */
function stepDone(next: string) {
  const params = ({ event }: { event: { output: readonly unknown[] } }) => ({ errors: event.output });
  return { target: next, actions: { type: 'noteErrors' as const, params } };
}

function stepFailed(next: string) {
  const params = ({ event }: { event: { error: unknown } }) => ({ errors: [event.error] });
  return { target: next, actions: { type: 'noteErrors' as const, params } };
}
