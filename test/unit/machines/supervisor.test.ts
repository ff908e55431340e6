import { describe, expect, test } from 'vitest';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import {
  type ProcessEvent,
  type ProcessState,
  processMachine,
  type SupervisorEvent,
  supervisorMachine,
} from '../../../machines/supervisor.js';

/** A leaf of the state, in words: the last part of its path. */
function leafOf({ value }: { value: unknown }): string {
  return typeof value === 'string' ? value : (Object.values(value as object)[0] as string);
}

describe('a process', () => {
  type Snapshot = SnapshotFrom<typeof processMachine>;
  const rested = { type: 'xstate.after.rest.process.resting' };
  const steady = { type: 'xstate.after.steady.process.alive.ready' };
  const MOVES = {
    ready: { type: 'process.ready' },
    unready: { type: 'process.unready' },
    crash: { type: 'process.exited', code: 7, hopeless: false },
    hopeless: { type: 'process.exited', code: 2, hopeless: true },
    exit: { type: 'process.exited', code: 0, hopeless: false },
    stop: { type: 'stop.requested' },
    force: { type: 'stop.forced' },
    rested,
    steady,
  } as const;
  type Move = keyof typeof MOVES;
  const ALL = Object.keys(MOVES) as Move[];

  const crashed = { crash: 'resting', hopeless: 'resting', exit: 'resting' } as const;
  /** How each state is reached, and where each move leads from there; a move that isn't named changes nothing. */
  const STATES: Record<
    ProcessState,
    { readonly by: readonly Move[]; readonly to: { readonly [M in Move]?: ProcessState } }
  > = {
    starting: { by: [], to: { ...crashed, ready: 'ready', hopeless: 'ended', stop: 'stopping' } },
    ready: { by: ['ready'], to: { ...crashed, unready: 'unready', stop: 'stopping' } },
    unready: { by: ['ready', 'unready'], to: { ...crashed, ready: 'ready', stop: 'stopping' } },
    resting: { by: ['crash'], to: { rested: 'starting', stop: 'ended' } },
    stopping: { by: ['stop'], to: { crash: 'ended', hopeless: 'ended', exit: 'ended' } },
    ended: { by: ['stop', 'exit'], to: {} },
  };

  function having(moves: readonly Move[], random = () => 0): Snapshot {
    const [initial] = initialTransition(processMachine, { index: 1, random });
    return moves.reduce(moved, initial);
  }
  function moved(snapshot: Snapshot, move: Move): Snapshot {
    return transition(processMachine, snapshot, MOVES[move] as ProcessEvent)[0];
  }

  test('the table names every state and every event', () => {
    const leaves = [...Object.keys(processMachine.states.alive!.states), 'resting', 'ended'];
    expect(Object.keys(STATES).sort()).toEqual(leaves.sort());
    expect([...new Set(Object.values(MOVES).map(({ type }) => type))].sort()).toEqual(
      [...processMachine.events].filter((event) => !/^xstate\.(done|error)/.test(event)).sort(),
    );
  });

  describe.each(Object.entries(STATES))('that is %s', (state, { by, to }) => {
    test.each(ALL)('%s leads where the table says, and nowhere else', (move) => {
      expect(leafOf(having(by))).toBe(state);
      expect(leafOf(moved(having(by), move))).toBe(to[move] ?? state);
    });
  });

  test('rests twice as long after each crash, up to 30 s, less up to a half by chance', () => {
    const again: Move[] = ['rested', 'crash'];
    const rests = [0, 1, 2, 3, 4, 5, 6, 7, 20].map(
      (n) => having(['crash', ...Array(n).fill(again).flat()]).context.restMs,
    );
    expect(rests).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(having(['crash'], () => 0.999).context.restMs).toBeCloseTo(250, 0);
  });

  test('that was ready for a minute begins to count its crashes anew', () => {
    const thrice: Move[] = [
      'ready',
      'crash',
      'rested',
      'ready',
      'crash',
      'rested',
      'ready',
      'crash',
      'rested',
      'ready',
    ];
    expect(having([...thrice, 'crash']).context.restMs).toBe(4_000);
    expect(having([...thrice, 'steady', 'crash']).context.restMs).toBe(500);
    expect(having([...thrice, 'crash', 'rested']).context.restarts).toBe(4);
  });

  test('is told to stop once, and to hurry as often as it is asked', () => {
    const orders = (snapshot: Snapshot, move: Move) =>
      transition(processMachine, snapshot, MOVES[move] as ProcessEvent)[1].flatMap(({ type, params }) => {
        const { targetId, event } = params as { targetId?: string; event?: { type: string } };
        return type === 'xstate.sendTo' && targetId === 'run' ? [event?.type] : [];
      });
    expect(orders(having(['ready']), 'stop')).toEqual(['stop']);
    expect(orders(having(['ready', 'stop']), 'stop')).toEqual([]);
    expect(orders(having(['ready', 'stop']), 'force')).toEqual(['force']);
  });

  test('ends with its own code, and with 0 where it was stopped at rest', () => {
    expect(having(['stop', 'crash']).context.code).toBe(7);
    expect(having(['stop', 'exit']).context.code).toBe(0);
    expect(having(['crash', 'stop']).context.code).toBe(0);
    expect(having(['hopeless']).context.code).toBe(2);
    // It worked once: what is wrong now may pass.
    expect(leafOf(having(['ready', 'crash', 'rested', 'hopeless']))).toBe('resting');
  });
});

describe('the supervisor', () => {
  type Snapshot = SnapshotFrom<typeof supervisorMachine>;
  const told = (index: number, state: ProcessState, code = 0): SupervisorEvent => ({
    type: 'process.changed',
    index,
    state,
    code,
  });
  const MOVES = {
    'one ready': told(1, 'ready'),
    'two ready': told(2, 'ready'),
    'two unready': told(2, 'unready'),
    'two starting': told(2, 'starting'),
    'two resting': told(2, 'resting'),
    'two stopping': told(2, 'stopping'),
    'one ended': told(1, 'ended'),
    'two ended': told(2, 'ended', 7),
    stop: { type: 'stop.requested' },
    force: { type: 'stop.forced' },
  } as const satisfies Record<string, SupervisorEvent>;
  type Move = keyof typeof MOVES;
  const ALL = Object.keys(MOVES) as Move[];
  const ENDS = { 'one ended': 'stopping', 'two ended': 'stopping', stop: 'stopping' } as const;

  const STATES: Record<string, { readonly by: readonly Move[]; readonly to: { readonly [M in Move]?: string } }> = {
    starting: { by: ['one ready'], to: { ...ENDS, 'two ready': 'ready' } },
    ready: {
      by: ['one ready', 'two ready'],
      to: {
        ...ENDS,
        'two unready': 'partial',
        'two starting': 'partial',
        'two resting': 'partial',
        'two stopping': 'partial',
      },
    },
    partial: { by: ['one ready', 'two ready', 'two resting'], to: { ...ENDS, 'two ready': 'ready' } },
    stopping: { by: ['stop', 'one ended'], to: { 'two ended': 'stopped' } },
    stopped: { by: ['stop', 'one ended', 'two ended'], to: {} },
  };

  function having(moves: readonly Move[]): Snapshot {
    const [initial] = initialTransition(supervisorMachine, { processes: 2, random: () => 0 });
    return moves.reduce(moved, initial);
  }
  function moved(snapshot: Snapshot, move: Move): Snapshot {
    return transition(supervisorMachine, snapshot, MOVES[move])[0];
  }

  test('the table names every state and every event', () => {
    const leaves = [...Object.keys(supervisorMachine.states.working!.states), 'stopping', 'stopped'];
    expect(Object.keys(STATES).sort()).toEqual(leaves.sort());
    expect([...new Set(Object.values(MOVES).map(({ type }) => type))].sort()).toEqual(
      [...supervisorMachine.events].sort(),
    );
  });

  describe.each(Object.entries(STATES))('that is %s', (state, { by, to }) => {
    test.each(ALL)('%s leads where the table says, and nowhere else', (move) => {
      expect(leafOf(having(by))).toBe(state);
      expect(leafOf(moved(having(by), move))).toBe(to[move] ?? state);
    });
  });

  test('passes a stop on to all that are left, whoever asked for it', () => {
    const stopped = (snapshot: Snapshot, move: Move) =>
      transition(supervisorMachine, snapshot, MOVES[move])[1].flatMap(({ type, params }) => {
        const { targetId, event } = params as { targetId?: string; event?: { type: string } };
        return type === 'xstate.sendTo' ? [`${targetId} ${event?.type}`] : [];
      });
    expect(stopped(having([]), 'stop')).toEqual(['process-1 stop.requested', 'process-2 stop.requested']);
    expect(stopped(having([]), 'one ended')).toEqual(['process-2 stop.requested']);
    expect(stopped(having(['stop', 'one ended']), 'force')).toEqual(['process-2 stop.forced']);
  });

  test('ends with 0, or with the code of the first process that did not', () => {
    expect(having(['stop', 'one ended', 'two ended']).output).toBe(7);
    const fine = transition(supervisorMachine, having(['stop', 'one ended']), told(2, 'ended'))[0];
    expect(fine.output).toBe(0);
  });
});
