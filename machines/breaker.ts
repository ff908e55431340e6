/**
 * A worker's circuit breaker: closed → open → half-open. It counts consecutive failures of store and broker, never
 * of tasks. While it isn't closed the worker consumes nothing; after a back-off it probes, and closes by itself.
 * The back-off doubles, and some chance keeps workers that lost the same service from probing in step.
 */
import { assign, fromPromise, setup } from 'xstate';

export interface BreakerInput {
  /** Consecutive failures that open it. @default 5 */
  readonly threshold?: number;
  /** How long it stays open at first. @default 250 ms */
  readonly shortestMs?: number;
  /** What the doubling ends at. @default 1,500 ms */
  readonly longestMs?: number;
  /** Which part of a back-off is left to chance, from 0 to 1: it waits `back-off × (1 − jitter × random)`. @default 0.5 */
  readonly jitter?: number;
  /** From 0 up to 1. @default Math.random */
  readonly random?: () => number;
  /** Closed for this long it is steady: the next back-off is the shortest again. @default 30,000 ms */
  readonly provingMs?: number;
  /** A probe that takes longer has failed. @default 10,000 ms */
  readonly probeMs?: number;
}

export interface BreakerContext extends Required<BreakerInput> {
  /** Consecutive failures since the last success. */
  readonly failures: number;
  /** How often it opened since it was last steady. */
  readonly openings: number;
  /** How long it stays open, this time or the last. */
  readonly backOffMs: number;
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
    countOpening: assign({
      openings: ({ context }) => context.openings + 1,
      backOffMs: ({ context }) => backOffMs(context, context.openings),
    }),
    forgetOpenings: assign({ openings: 0 }),
  },
  delays: {
    backOff: ({ context }) => context.backOffMs,
    shortest: ({ context }) => context.shortestMs,
    proving: ({ context }) => context.provingMs,
    probeLimit: ({ context }) => context.probeMs,
  },
}).createMachine({
  id: 'breaker',
  context: ({ input }) => ({
    threshold: 5,
    shortestMs: 250,
    longestMs: 1_500,
    jitter: 0.5,
    random: Math.random,
    provingMs: 30_000,
    probeMs: 10_000,
    ...input,
    failures: 0,
    openings: 0,
    backOffMs: 0,
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
        proving: { after: { proving: { target: 'steady', actions: 'forgetOpenings' } } },
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

/** The nth back-off, from 0. */
function backOffMs({ shortestMs, longestMs, jitter, random }: BreakerContext, n: number): number {
  return Math.min(longestMs, shortestMs * 2 ** n) * (1 - jitter * random());
}
