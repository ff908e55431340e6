import { describe, expect, test } from 'vitest';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { workerMachine } from '../../../machines/worker.js';

type Snapshot = SnapshotFrom<typeof workerMachine>;

/** What can happen to a worker: its events, the end of the step that it is at, and its breaker. */
const MOVES = [
  'start.requested',
  'stop.requested',
  'stop.forced',
  'pause.requested',
  'resume.requested',
  'infrastructure.failed',
  'infrastructure.ok',
  'infrastructure.lost',
  'health.bad',
  'health.good',
  'startup.expired',
  'breaker.opened',
  'breaker.closed',
  'step.done',
  'step.failed',
] as const;
type Move = (typeof MOVES)[number];

/** The steps of a start, and where a start that ends in one of them enters the stop. */
const START = {
  serving: 'unserving',
  beforeStart: 'afterStop',
  database: 'afterStop',
  broker: 'afterStop',
  topology: 'afterStop',
  onStartup: 'onShutdown',
  checking: 'onShutdown',
  registering: 'onShutdown',
  consuming: 'quiescing',
  afterStart: 'beforeStop',
} as const;
const STARTING = Object.keys(START) as (keyof typeof START)[];

const STOPPING = [
  'beforeStop',
  'quiescing',
  'draining',
  'releasing',
  'flushing',
  'onShutdown',
  'closing',
  'afterStop',
  'unserving',
] as const;

/** These change facts at most, whatever the state. */
const SILENT: Move[] = ['start.requested', 'infrastructure.failed', 'infrastructure.ok', 'infrastructure.lost'];
const FACTS: Move[] = ['health.bad', 'health.good', 'breaker.opened', 'breaker.closed'];
const ENDS: Move[] = ['step.done', 'step.failed'];

/** Where each move leads: every one is named exactly once. `stays`: nowhere. */
type Row = { readonly [target: string]: readonly Move[] };

/** How each state is reached, and where everything that can happen leads from there. */
const STATES: Record<string, { readonly by: readonly Move[]; readonly to: Row }> = {
  initializing: {
    by: [],
    to: {
      'starting.serving': ['start.requested'],
      stopped: ['stop.requested'],
      stays: MOVES.filter((move) => !['start.requested', 'stop.requested'].includes(move)),
    },
  },

  ...Object.fromEntries(
    STARTING.map((step, i) => {
      const next = STARTING[i + 1];
      const to: Row = {
        [next === undefined ? 'running.ready' : `starting.${next}`]: ['step.done'],
        [`stopping.${START[step]}`]: ['step.failed', 'stop.requested', 'startup.expired'],
        stays: [...SILENT, ...FACTS, 'stop.forced', 'pause.requested', 'resume.requested'],
      };
      return [`starting.${step}`, { by: ['start.requested', ...times(i)], to }];
    }),
  ),

  'running.ready': running([], {
    'running.quiescing': ['pause.requested', 'breaker.opened'],
    'running.degraded': ['health.bad'],
    stays: ['resume.requested', 'health.good', 'breaker.closed', ...ENDS],
  }),
  'running.degraded': running(['health.bad'], {
    'running.quiescing': ['pause.requested', 'breaker.opened'],
    'running.ready': ['health.good'],
    stays: ['resume.requested', 'health.bad', 'breaker.closed', ...ENDS],
  }),
  'running.quiescing': running(['pause.requested'], {
    'running.paused': ENDS,
    stays: ['pause.requested', 'resume.requested', ...FACTS],
  }),
  'running.paused': running(['pause.requested', 'step.done'], {
    'running.resuming': ['resume.requested'],
    stays: ['pause.requested', ...FACTS, ...ENDS],
  }),
  'running.recovering': running(['breaker.opened', 'step.done'], {
    'running.paused': ['pause.requested'],
    'running.resuming': ['breaker.closed'],
    stays: ['resume.requested', 'health.bad', 'health.good', 'breaker.opened', ...ENDS],
  }),
  'running.resuming': running(['pause.requested', 'step.done', 'resume.requested'], {
    'running.ready': ['step.done'],
    'running.quiescing': ['step.failed'],
    stays: ['pause.requested', 'resume.requested', ...FACTS],
  }),

  'stopping.beforeStop': stopping(0, { 'stopping.quiescing': [...ENDS, 'stop.forced'] }),
  'stopping.quiescing': stopping(1, { 'stopping.draining': ENDS, stays: ['stop.forced'] }),
  'stopping.draining': stopping(2, { 'stopping.releasing': [...ENDS, 'stop.forced'] }),
  'stopping.releasing': stopping(3, { 'stopping.flushing': ENDS, stays: ['stop.forced'] }),
  'stopping.flushing': stopping(4, { 'stopping.onShutdown': ENDS, stays: ['stop.forced'] }),
  'stopping.onShutdown': stopping(5, { 'stopping.closing': ENDS, stays: ['stop.forced'] }),
  'stopping.closing': stopping(6, { 'stopping.afterStop': ENDS, stays: ['stop.forced'] }),
  'stopping.afterStop': stopping(7, { 'stopping.unserving': ENDS, stays: ['stop.forced'] }),
  'stopping.unserving': stopping(8, { stopped: ['step.done'], error: ['step.failed'], stays: ['stop.forced'] }),

  stopped: { by: ['stop.requested'], to: { stays: MOVES } },
  error: { by: ['start.requested', 'step.failed', 'step.done'], to: { stays: MOVES } },
};

function running(by: readonly Move[], { stays = [], ...to }: Row) {
  return {
    by: ['start.requested', ...times(STARTING.length), ...by] as Move[],
    to: {
      'stopping.beforeStop': ['stop.requested'],
      ...to,
      stays: [...stays, ...SILENT, 'stop.forced', 'startup.expired'],
    } as Row,
  };
}

function stopping(done: number, { stays = [], ...to }: Row) {
  return {
    by: ['start.requested', ...times(STARTING.length), 'stop.requested', ...times(done)] as Move[],
    to: {
      ...to,
      stays: [
        ...[...stays, ...SILENT, ...FACTS],
        ...['stop.requested', 'pause.requested', 'resume.requested', 'startup.expired'],
      ],
    } as Row,
  };
}

function times(steps: number): Move[] {
  return Array<Move>(steps).fill('step.done');
}

function detailOf({ value }: Snapshot): string {
  return typeof value === 'string' ? value : (Object.entries(value)[0] as string[]).join('.');
}

function having(moves: readonly Move[]): Snapshot {
  const [initial] = initialTransition(workerMachine, { startupTimeoutMs: 30_000 });
  return moves.reduce(moved, initial);
}

function moved(snapshot: Snapshot, move: Move): Snapshot {
  // Transitions only: no step is run, and nothing is sent to the breaker.
  return transition(workerMachine, snapshot, eventOf(snapshot, move) as never)[0];
}

function eventOf(snapshot: Snapshot, move: Move): { type: string } {
  const step = `0.worker.${detailOf(snapshot)}`;
  const breaker = (closed: boolean) => ({
    type: 'xstate.snapshot.breaker',
    snapshot: { matches: (state: string) => (state === 'closed') === closed },
  });
  switch (move) {
    case 'health.bad':
    case 'health.good':
      return { type: 'health.changed', ok: move === 'health.good' } as { type: string };
    case 'breaker.opened':
      return breaker(false);
    case 'breaker.closed':
      return breaker(true);
    case 'step.done':
      return { type: `xstate.done.actor.${step}`, output: [] } as { type: string };
    case 'step.failed':
      return { type: `xstate.error.actor.${step}`, error: new Error(step) } as { type: string };
    default:
      return { type: move };
  }
}

function leaves(node: { states: object; path: string[] }): string[] {
  const children = Object.values(node.states) as { states: object; path: string[] }[];
  return children.length === 0 ? [node.path.join('.')] : children.flatMap(leaves);
}

test('the table names every state that the machine rests in, and every event that it knows', () => {
  // `ending` is passed through and never rested in.
  const resting = leaves(workerMachine.root).filter((state) => state !== 'stopping.ending');
  expect(Object.keys(STATES).sort()).toEqual(resting.sort());
  const own = workerMachine.events.filter((event) => !event.startsWith('xstate.'));
  const covered = MOVES.map((move) => eventOf(having([]), move).type).filter((type) => !type.startsWith('xstate.'));
  expect([...new Set(covered)].sort()).toEqual([...own].sort());
});

describe.each(Object.entries(STATES))('in %s', (state, { by, to }) => {
  test('everything that can happen is in the table, once', () => {
    expect(Object.values(to).flat().sort()).toEqual([...MOVES].sort());
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

describe.each(STARTING)('a start-up that comes to %s', (step) => {
  const at = () => having(STATES[`starting.${step}`]?.by ?? []);

  /** From there to the end, each step ending as `move` says; with the states that it went through. */
  function unwound(first: Move, move: Move): { readonly end: Snapshot; readonly steps: string[] } {
    let end = moved(at(), first);
    const steps: string[] = [];
    while (end.status === 'active') {
      steps.push(detailOf(end));
      end = moved(end, move);
    }
    return { end, steps };
  }

  test.each<Move>(['step.failed', 'stop.requested', 'startup.expired'])(
    'and ends there by %s goes through the rest of the stop, and closes only what may be open',
    (first) => {
      const rest = STOPPING.slice(STOPPING.indexOf(START[step])).filter(
        (name) => name !== 'closing' || STARTING.indexOf(step) >= STARTING.indexOf('registering'),
      );
      expect(unwound(first, 'step.done').steps).toEqual(rest.map((name) => `stopping.${name}`));
    },
  );

  test('and fails ends in error, with the first error first', () => {
    const { end, steps } = unwound('step.failed', 'step.failed');
    expect(end.value).toBe('error');
    const failed = [`starting.${step}`, ...steps].map((state) => new Error(`0.worker.${state}`));
    expect(end.context.errors).toEqual(failed);
    expect(end.context.startFailed).toBe(true);
  });

  test('and is told to stop ends stopped when it is unwound in good order', () => {
    expect(unwound('stop.requested', 'step.done').end.value).toBe('stopped');
  });

  test('and takes too long ends in error even when it is unwound in good order', () => {
    const { end } = unwound('startup.expired', 'step.done');
    expect(end.value).toBe('error');
    expect(end.context.expired).toBe(true);
  });
});

test('a start-up is timed as a whole', () => {
  const [, actions] = transition(workerMachine, having([]), { type: 'start.requested' });
  const timers = actions.filter(({ type }) => type === 'xstate.raise').map(({ params }) => params as object);
  expect(timers).toContainEqual(expect.objectContaining({ delay: 30_000 }));
});

describe('facts that outlast a sub-state', () => {
  const started: Move[] = ['start.requested', ...times(STARTING.length)];

  test.each<[string, Move[], string]>([
    [
      'a pause asked for while resuming',
      ['pause.requested', 'step.done', 'resume.requested', 'pause.requested', 'step.done'],
      'running.quiescing',
    ],
    ['a resume asked for while quiescing', ['pause.requested', 'resume.requested', 'step.done'], 'running.resuming'],
    ['a breaker that opens during a pause', ['pause.requested', 'step.done', 'breaker.opened'], 'running.paused'],
    ['its resume', ['pause.requested', 'step.done', 'breaker.opened', 'resume.requested'], 'running.recovering'],
    [
      'a breaker that closes while paused',
      ['breaker.opened', 'step.done', 'pause.requested', 'breaker.closed'],
      'running.paused',
    ],
    [
      'a breaker that opens while resuming',
      ['pause.requested', 'step.done', 'resume.requested', 'breaker.opened', 'step.done'],
      'running.quiescing',
    ],
    [
      'a check that fails during a pause, seen at its end',
      ['pause.requested', 'step.done', 'health.bad', 'resume.requested', 'step.done'],
      'running.degraded',
    ],
  ])('%s', (_, moves, state) => {
    expect(detailOf(having([...started, ...moves]))).toBe(state);
  });

  test('a stop that is forced while it gives messages back waits for no task', () => {
    const quiescing: Move[] = [...started, 'stop.requested', 'step.done'];
    expect(detailOf(having([...quiescing, 'stop.forced', 'step.done']))).toBe('stopping.releasing');
  });
});

test('every worker comes to an end: any moves at all, then a stop and the end of each step', () => {
  // Breadth first over states and facts, until nothing new turns up.
  const keyOf = (snapshot: Snapshot) => {
    const { paused, tripped, degraded, forced } = snapshot.context;
    return `${detailOf(snapshot)} ${[paused, tripped, degraded, forced]}`;
  };
  const seen = new Map<string, Snapshot>();
  const queue = [having([])];
  for (let snapshot = queue.shift(); snapshot !== undefined; snapshot = queue.shift()) {
    if (seen.has(keyOf(snapshot))) continue;
    seen.set(keyOf(snapshot), snapshot);
    if (snapshot.status === 'active') for (const move of MOVES) queue.push(moved(snapshot, move));
  }
  expect(seen.size).toBeGreaterThan(60);
  for (const [key, reached] of seen) {
    let snapshot = moved(reached, 'stop.requested');
    for (let i = 0; i < STOPPING.length + 1 && snapshot.status === 'active'; i++)
      snapshot = moved(snapshot, 'step.done');
    expect(snapshot.status, key).toBe('done');
  }
});
