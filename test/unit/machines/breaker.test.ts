import { describe, expect, test } from 'vitest';
import { createActor, fromPromise, initialTransition, SimulatedClock, type SnapshotFrom, transition } from 'xstate';
import { breakerMachine } from '../../../machines/breaker.js';

type Snapshot = SnapshotFrom<typeof breakerMachine>;

const MOVES = {
  failed: { type: 'infrastructure.failed' },
  ok: { type: 'infrastructure.ok' },
  tripped: { type: 'breaker.tripped' },
  backedOff: { type: 'xstate.after.backOff.breaker.open' },
  rested: { type: 'xstate.after.shortest.breaker.open.resting' },
  proved: { type: 'xstate.after.proving.breaker.closed.proving' },
  probed: { type: 'xstate.done.actor.0.breaker.half-open', output: undefined },
  refused: { type: 'xstate.error.actor.0.breaker.half-open', error: new Error('refused') },
  hung: { type: 'xstate.after.probeLimit.breaker.half-open' },
} as const;
type Move = keyof typeof MOVES;

/** Where each move leads: every one is named exactly once. `stays`: nowhere. */
type Row = { readonly [target: string]: readonly Move[] };

/** The ends of what goes on in other states. */
const NOT_CLOSED: Move[] = ['proved'];
const NOT_OPEN: Move[] = ['backedOff', 'rested'];
const NOT_HALF_OPEN: Move[] = ['probed', 'refused', 'hung'];

/** How each state is reached, and where each move leads from there. */
const STATES: Record<string, { readonly by: readonly Move[]; readonly to: Row }> = {
  'closed.steady': {
    by: [],
    to: { 'open.resting': ['tripped'], stays: ['failed', 'ok', ...NOT_CLOSED, ...NOT_OPEN, ...NOT_HALF_OPEN] },
  },
  'closed.proving': {
    by: ['tripped', 'backedOff', 'probed'],
    to: {
      'open.resting': ['tripped'],
      'closed.steady': ['proved'],
      stays: ['failed', 'ok', ...NOT_OPEN, ...NOT_HALF_OPEN],
    },
  },
  'open.resting': {
    by: ['tripped'],
    to: {
      'half-open': ['backedOff'],
      'open.listening': ['rested'],
      stays: ['failed', 'ok', 'tripped', ...NOT_CLOSED, ...NOT_HALF_OPEN],
    },
  },
  'open.listening': {
    by: ['tripped', 'rested'],
    to: {
      'half-open': ['backedOff', 'ok'],
      stays: ['failed', 'tripped', 'rested', ...NOT_CLOSED, ...NOT_HALF_OPEN],
    },
  },
  'half-open': {
    by: ['tripped', 'backedOff'],
    to: {
      'closed.proving': ['probed'],
      'open.resting': ['refused', 'hung'],
      stays: ['failed', 'ok', 'tripped', ...NOT_CLOSED, ...NOT_OPEN],
    },
  },
};

function detailOf({ value }: Snapshot): string {
  return typeof value === 'string' ? value : (Object.entries(value)[0] as string[]).join('.');
}

function moved(snapshot: Snapshot, move: Move): Snapshot {
  return transition(breakerMachine, snapshot, MOVES[move] as never)[0];
}

function having(moves: readonly Move[]): Snapshot {
  return moves.reduce(moved, initialTransition(breakerMachine, {})[0]);
}

describe.each(Object.entries(STATES))('in %s', (state, { by, to }) => {
  test('every move is in the table, once', () => {
    expect(Object.values(to).flat().sort()).toEqual(Object.keys(MOVES).sort());
  });

  const pairs = Object.entries(to).flatMap(([target, moves]) =>
    moves.map((move) => [move, target === 'stays' ? state : target] as const),
  );
  test.each(pairs)('%s leads to %s', (move, target) => {
    const before = having(by);
    expect(detailOf(before)).toBe(state);
    expect(detailOf(moved(before, move))).toBe(target);
  });
});

test('the table names every event that the machine knows', () => {
  const known = Object.values(MOVES).map(({ type }) => type);
  expect([...breakerMachine.events].sort()).toEqual([...known].sort());
});

describe('five failures', () => {
  test('in a row open it', () => {
    const four: Move[] = ['failed', 'failed', 'failed', 'failed'];
    expect(detailOf(having(four))).toBe('closed.steady');
    expect(detailOf(having([...four, 'failed']))).toBe('open.resting');
  });

  test('with a success between them do not', () => {
    const snapshot = having(['failed', 'failed', 'failed', 'failed', 'ok', 'failed', 'failed', 'failed', 'failed']);
    expect(detailOf(snapshot)).toBe('closed.steady');
    expect(detailOf(moved(snapshot, 'failed'))).toBe('open.resting');
  });

  test('are counted anew once it has closed again', () => {
    const failures: Move[] = ['failed', 'failed', 'failed', 'failed'];
    const closed = having([...failures, 'failed', 'backedOff', 'probed']);
    expect(detailOf(failures.reduce(moved, closed))).toBe('closed.proving');
    expect(detailOf([...failures, 'failed' as const].reduce(moved, closed))).toBe('open.resting');
  });
});

describe('over time', () => {
  /** The back-off at its longest, unless chance is given. */
  function probing(probe: () => Promise<void>, random = () => 0) {
    const clock = new SimulatedClock();
    let probes = 0;
    const machine = breakerMachine.provide({
      actors: {
        probe: fromPromise<void>(() => {
          probes++;
          return probe();
        }),
      },
    });
    const actor = createActor(machine, { clock, input: { random } }).start();
    return { actor, clock, probes: () => probes };
  }

  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

  test('each probe that fails doubles the back-off, from 250 ms to 1.5 s', async () => {
    const { actor, clock, probes } = probing(() => Promise.reject(new Error('refused')));
    actor.send({ type: 'breaker.tripped' });
    for (const [i, backOffMs] of [250, 500, 1_000, 1_500, 1_500, 1_500].entries()) {
      clock.increment(backOffMs - 1);
      expect(probes()).toBe(i);
      clock.increment(1);
      expect(probes()).toBe(i + 1);
      await turn();
      expect(actor.getSnapshot().matches('open')).toBe(true);
    }
  });

  test('chance shortens each back-off, by half at most', async () => {
    const chances = [0, 0.5, 1, 0.25];
    const { actor, clock, probes } = probing(
      () => Promise.reject(new Error('refused')),
      () => chances.shift() ?? 0,
    );
    actor.send({ type: 'breaker.tripped' });
    for (const [i, backOffMs] of [250, 500 * 0.75, 1_000 * 0.5, 1_500 * 0.875].entries()) {
      expect(actor.getSnapshot().context.backOffMs).toBe(backOffMs);
      clock.increment(backOffMs - 1);
      expect(probes()).toBe(i);
      clock.increment(1);
      expect(probes()).toBe(i + 1);
      await turn();
    }
  });

  test('it closes by itself when a probe succeeds', async () => {
    const { actor, clock } = probing(() => Promise.resolve());
    actor.send({ type: 'breaker.tripped' });
    clock.increment(250);
    await turn();
    expect(actor.getSnapshot().matches('closed')).toBe(true);
  });

  test('a probe that hangs has failed after 10 s', () => {
    const { actor, clock } = probing(() => new Promise(() => {}));
    actor.send({ type: 'breaker.tripped' });
    clock.increment(250);
    clock.increment(9_999);
    expect(actor.getSnapshot().value).toBe('half-open');
    clock.increment(1);
    expect(actor.getSnapshot().matches('open')).toBe(true);
  });

  test('the back-off goes on doubling unless it stayed closed for 30 s', async () => {
    const { actor, clock, probes } = probing(() => Promise.resolve());
    const opensFor = async (backOffMs: number) => {
      const before = probes();
      actor.send({ type: 'breaker.tripped' });
      clock.increment(backOffMs - 1);
      expect(probes()).toBe(before);
      clock.increment(1);
      expect(probes()).toBe(before + 1);
      await turn();
    };
    await opensFor(250);
    clock.increment(29_999);
    await opensFor(500);
    clock.increment(30_000);
    await opensFor(250);
  });

  test('a success seen during a long back-off brings the probe forward, but not within the first quarter of a second', async () => {
    let refuse = true;
    const { actor, clock, probes } = probing(() => (refuse ? Promise.reject(new Error('refused')) : Promise.resolve()));
    actor.send({ type: 'breaker.tripped' });
    for (const backOffMs of [250, 500, 1_000]) {
      clock.increment(backOffMs);
      await turn();
    }
    refuse = false;
    clock.increment(249);
    actor.send({ type: 'infrastructure.ok' });
    expect(probes()).toBe(3);
    clock.increment(1);
    actor.send({ type: 'infrastructure.ok' });
    await turn();
    expect(actor.getSnapshot().matches('closed')).toBe(true);
  });
});
