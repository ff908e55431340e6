/**
 * A worker's circuit breaker: closed → open → half-open. It counts consecutive failures of store and broker, never
 * of tasks. While it isn't closed the worker consumes nothing; after a back-off it probes, and closes by itself.
 */
import { assign, fromPromise, setup } from 'xstate';

export interface BreakerInput {
  /** Consecutive failures that open it. @default 5 */
  readonly threshold?: number;
  /** How long it stays open at first, and the least. @default 1,000 ms */
  readonly shortestMs?: number;
  /** What the doubling ends at; closed for this long, the next back-off begins with the shortest again. @default 30,000 ms */
  readonly longestMs?: number;
  /** A probe that takes longer has failed. @default 10,000 ms */
  readonly probeMs?: number;
}

export interface BreakerContext extends Required<BreakerInput> {
  /** Consecutive failures since the last success. */
  readonly failures: number;
  /** How often it opened since it was last steady. */
  readonly openings: number;
}

export type BreakerEvent =
  | { readonly type: 'infrastructure.failed' }
  | { readonly type: 'infrastructure.ok' }
  /** What the worker needs doesn't work, however many failures were counted. */
  | { readonly type: 'breaker.tripped' };

export const breakerMachine = setup({
  types: {
    context: {} as BreakerContext,
    events: {} as BreakerEvent,
    input: {} as BreakerInput,
  },
  actors: {
    /** Whether store and broker can be used again; rejects while they can't. Provided by the runtime. */
    probe: fromPromise<void>(() => new Promise<never>(() => {})),
  },
  guards: {
    'the last straw': ({ context }) => context.failures + 1 >= context.threshold,
  },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    countOpening: assign({ openings: ({ context }) => context.openings + 1 }),
    forgetOpenings: assign({ openings: 0 }),
  },
  delays: {
    backOff: ({ context }) => Math.min(context.longestMs, context.shortestMs * 2 ** (context.openings - 1)),
    shortest: ({ context }) => context.shortestMs,
    longest: ({ context }) => context.longestMs,
    probeLimit: ({ context }) => context.probeMs,
  },
}).createMachine({
  id: 'breaker',
  context: ({ input: { threshold = 5, shortestMs = 1_000, longestMs = 30_000, probeMs = 10_000 } }) => ({
    threshold,
    shortestMs,
    longestMs,
    probeMs,
    failures: 0,
    openings: 0,
  }),
  initial: 'closed',
  states: {
    closed: {
      initial: 'steady',
      entry: 'forgetFailures',
      on: {
        'infrastructure.failed': [{ guard: 'the last straw', target: 'open' }, { actions: 'countFailure' }],
        'infrastructure.ok': { actions: 'forgetFailures' },
        'breaker.tripped': 'open',
      },
      states: {
        steady: {},
        /** Just recovered: should it open again now, the back-off goes on doubling. */
        proving: { after: { longest: { target: 'steady', actions: 'forgetOpenings' } } },
      },
    },
    open: {
      initial: 'resting',
      entry: 'countOpening',
      after: { backOff: 'half-open' },
      states: {
        resting: { after: { shortest: 'listening' } },
        /** Something that goes on while nothing is consumed (a heartbeat) succeeded: no need to sit out a long back-off. */
        listening: { on: { 'infrastructure.ok': '#breaker.half-open' } },
      },
    },
    'half-open': {
      invoke: { src: 'probe', onDone: 'closed.proving', onError: 'open' },
      after: { probeLimit: 'open' },
    },
  },
});
