/**
 * Several worker processes as one: starting → ready ⇄ partial → stopping → stopped. Each process has a machine of its
 * own, which starts it again, with back-off, whenever it ends without having been told to.
 *
 *     alive.starting → alive.ready ⇄ alive.unready, and from each of them → resting → alive.starting …
 *     told to stop: alive.stopping → ended
 */
import { assign, enqueueActions, fromCallback, sendParent, sendTo, setup } from 'xstate';

export interface ProcessInput {
  /** Which one it is, from 1. */
  readonly index: number;
  /** How long it rests after its first crash, at most. @default 500 ms */
  readonly shortestMs?: number;
  /** What the doubling ends at. @default 30,000 ms */
  readonly longestMs?: number;
  /** Ready for this long, it is steady: its next crash counts as the first again. @default 60,000 ms */
  readonly steadyMs?: number;
  /** From 0 up to 1: takes up to half of a rest away, so that not all are started again at once. */
  readonly random: () => number;
}

export interface ProcessContext extends Required<ProcessInput> {
  /** Ends that nobody asked for, since it was last steady. */
  readonly crashes: number;
  /** How often it was started again. */
  readonly restarts: number;
  /** How long it rests, since its last crash. */
  readonly restMs: number;
  /** With what it ended last: its exit code, or 1 after a signal. */
  readonly code: number;
}

export type ProcessState = 'starting' | 'ready' | 'unready' | 'resting' | 'stopping' | 'ended';

export type ProcessEvent =
  /** It takes work. */
  | { readonly type: 'process.ready' }
  /** It lives and takes none: it is paused, or recovers. */
  | { readonly type: 'process.unready' }
  /** `hopeless`: it said that another start can't help, since its command line is wrong. */
  | { readonly type: 'process.exited'; readonly code: number; readonly hopeless: boolean }
  | { readonly type: 'stop.requested' }
  /** Wait for no task any more. */
  | { readonly type: 'stop.forced' };

/** What is done to the process itself. */
export type ProcessOrder = { readonly type: 'stop' } | { readonly type: 'force' };

export const processMachine = setup({
  types: {
    context: {} as ProcessContext,
    events: {} as ProcessEvent,
    input: {} as ProcessInput,
  },
  actors: {
    /** Starts the process, says what becomes of it, and hands orders on. Provided by the runtime. */
    run: fromCallback<ProcessOrder, { index: number }, ProcessEvent>(() => {}),
  },
  guards: {
    /** It never came to work: later on, whatever ails it may pass as it came. */
    hopeless: ({ context, event }) => event.type === 'process.exited' && event.hopeless && context.restarts === 0,
  },
  actions: {
    /** Tells its supervisor: see below. */
    tell: (_, _params: { state: ProcessState }) => {},
    order: sendTo('run', (_, { type }: ProcessOrder) => ({ type })),
    noteCrash: assign(({ context }) => {
      const { shortestMs, longestMs, crashes, random } = context;
      const restMs = Math.min(longestMs, shortestMs * 2 ** crashes) * (1 - random() / 2);
      return { crashes: crashes + 1, restMs };
    }),
    noteExit: assign({ code: (_, { code }: { code: number }) => code }),
    noteRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    forgetCrashes: assign({ crashes: 0 }),
  },
  delays: {
    rest: ({ context }) => context.restMs,
    steady: ({ context }) => context.steadyMs,
  },
}).createMachine({
  id: 'process',
  context: ({ input: { shortestMs = 500, longestMs = 30_000, steadyMs = 60_000, ...input } }) => ({
    ...input,
    shortestMs,
    longestMs,
    steadyMs,
    crashes: 0,
    restarts: 0,
    restMs: 0,
    code: 0,
  }),
  initial: 'alive',
  states: {
    alive: {
      initial: 'starting',
      invoke: { src: 'run', id: 'run', input: ({ context: { index } }) => ({ index }) },
      on: {
        'process.exited': { target: 'resting', actions: [exitNoted(), 'noteCrash'] },
        'stop.requested': '.stopping',
      },
      states: {
        starting: {
          entry: { type: 'tell', params: { state: 'starting' } },
          on: {
            'process.ready': 'ready',
            'process.exited': [
              { guard: 'hopeless', target: '#process.ended', actions: exitNoted() },
              { target: '#process.resting', actions: [exitNoted(), 'noteCrash'] },
            ],
          },
        },
        ready: {
          entry: { type: 'tell', params: { state: 'ready' } },
          after: { steady: { actions: 'forgetCrashes' } },
          on: { 'process.unready': 'unready' },
        },
        unready: {
          entry: { type: 'tell', params: { state: 'unready' } },
          on: { 'process.ready': 'ready' },
        },
        stopping: {
          entry: [
            { type: 'tell', params: { state: 'stopping' } },
            { type: 'order', params: { type: 'stop' } },
          ],
          on: {
            'process.exited': { target: '#process.ended', actions: exitNoted() },
            'stop.requested': {},
            'stop.forced': { actions: { type: 'order', params: { type: 'force' } } },
          },
        },
      },
    },
    resting: {
      entry: { type: 'tell', params: { state: 'resting' } },
      after: { rest: { target: 'alive', actions: 'noteRestart' } },
      // It is at rest and nothing of it is left: how it crashed is no part of this stop.
      on: { 'stop.requested': { target: 'ended', actions: { type: 'noteExit', params: { code: 0 } } } },
    },
    /** For good. Not final: the supervisor ends when the last of them has told it. */
    ended: { entry: { type: 'tell', params: { state: 'ended' } } },
  },
});

function exitNoted() {
  const params = ({ event }: { event: { code: number } }) => ({ code: event.code });
  return { type: 'noteExit' as const, params };
}

/** A process that tells its supervisor what it has come to. */
export const supervisedProcess = processMachine.provide({
  actions: {
    tell: sendParent(({ context: { index, code } }, { state }: { state: ProcessState }): SupervisorEvent => {
      return { type: 'process.changed', index, state, code };
    }),
  },
});

export interface SupervisorInput {
  /** How many processes there are to be. */
  readonly processes: number;
  readonly random: () => number;
}

export interface SupervisorContext extends SupervisorInput {
  /** Where each process is, the first one first. */
  readonly states: readonly ProcessState[];
  /** The exit code: 0 where every process ended with 0, else that of the first that didn't. */
  readonly code: number;
}

export type SupervisorEvent =
  | { readonly type: 'process.changed'; readonly index: number; readonly state: ProcessState; readonly code: number }
  | { readonly type: 'stop.requested' }
  | { readonly type: 'stop.forced' };

export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
    output: {} as number,
  },
  actors: { process: supervisedProcess },
  guards: {
    allReady: ({ context }) => context.states.every((state) => state === 'ready'),
    'not all ready': ({ context }) => !context.states.every((state) => state === 'ready'),
    allEnded: ({ context }) => context.states.every((state) => state === 'ended'),
    /** One of them ended for good, and nobody had told it to. */
    anyEnded: ({ context }) => context.states.includes('ended'),
  },
  actions: {
    startAll: enqueueActions(({ enqueue, context: { processes, random } }) => {
      for (let index = 1; index <= processes; index++)
        enqueue.spawnChild('process', { id: idOf(index), input: { index, random } });
    }),
    note: assign(({ context: { states, code } }, told: { index: number; state: ProcessState; code: number }) => ({
      states: states.map((state, i) => (i + 1 === told.index ? told.state : state)),
      code: told.state === 'ended' && code === 0 ? told.code : code,
    })),
    passOn: enqueueActions(({ enqueue, context }, { type }: { type: 'stop.requested' | 'stop.forced' }) => {
      context.states.forEach((state, i) => {
        if (state !== 'ended') enqueue.sendTo(idOf(i + 1), { type });
      });
    }),
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ ...input, states: Array(input.processes).fill('starting'), code: 0 }),
  initial: 'working',
  output: ({ context }) => context.code,
  on: { 'process.changed': { actions: { type: 'note', params: ({ event }) => event } } },
  states: {
    working: {
      initial: 'starting',
      entry: 'startAll',
      always: { guard: 'anyEnded', target: 'stopping' },
      on: { 'stop.requested': 'stopping' },
      states: {
        /** Not all of them have taken work yet. */
        starting: { always: { guard: 'allReady', target: 'ready' } },
        ready: {
          always: { guard: 'not all ready', target: 'partial' },
        },
        /** All of them did, and some don't now. */
        partial: { always: { guard: 'allReady', target: 'ready' } },
      },
    },
    stopping: {
      entry: { type: 'passOn', params: { type: 'stop.requested' } },
      always: { guard: 'allEnded', target: 'stopped' },
      on: { 'stop.forced': { actions: { type: 'passOn', params: { type: 'stop.forced' } } } },
    },
    stopped: { type: 'final' },
  },
});

/** The name of a process's actor. */
export function idOf(index: number): string {
  return `process-${index}`;
}
