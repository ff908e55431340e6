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
  'health.bad',
  'health.good',
  'startup.expired',
  'breaker.opened',
  'breaker.closed',
  'step.done',
  'step.failed',
] as const;
type Move = (typeof MOVES)[number];

const STARTING = ['beforeStart', 'opening', 'onStartup', 'consuming', 'afterStart'].map((step) => `starting.${step}`);

/** How each state is reached, and where each move leads from there; a move that isn't named changes nothing. */
const STATES: Record<string, { readonly by: readonly Move[]; readonly to: { readonly [M in Move]?: string } }> = {
  initializing: { by: [], to: { 'start.requested': 'starting.beforeStart', 'stop.requested': 'stopped' } },

  'starting.beforeStart': starting(0, 'starting.opening', 'stopping.afterStop'),
  'starting.opening': starting(1, 'starting.onStartup', 'stopping.closing'),
  'starting.onStartup': starting(2, 'starting.consuming', 'stopping.onShutdown'),
  'starting.consuming': starting(3, 'starting.afterStart', 'stopping.quiescing'),
  'starting.afterStart': starting(4, 'running.ready', 'stopping.beforeStop'),

  'running.ready': running([], {
    'pause.requested': 'running.quiescing',
    'breaker.opened': 'running.quiescing',
    'health.bad': 'running.degraded',
  }),
  'running.degraded': running(['health.bad'], {
    'pause.requested': 'running.quiescing',
    'breaker.opened': 'running.quiescing',
    'health.good': 'running.ready',
  }),
  'running.quiescing': running(['pause.requested'], { 'step.done': 'running.paused', 'step.failed': 'running.paused' }),
  'running.paused': running(['pause.requested', 'step.done'], { 'resume.requested': 'running.resuming' }),
  'running.recovering': running(['breaker.opened', 'step.done'], {
    'pause.requested': 'running.paused',
    'breaker.closed': 'running.resuming',
  }),
  'running.resuming': running(['pause.requested', 'step.done', 'resume.requested'], {
    'step.done': 'running.ready',
    'step.failed': 'running.quiescing',
  }),

  'stopping.beforeStop': stopping(0, 'stopping.quiescing', { 'stop.forced': 'stopping.quiescing' }),
  'stopping.quiescing': stopping(1, 'stopping.draining'),
  'stopping.draining': stopping(2, 'stopping.releasing', { 'stop.forced': 'stopping.releasing' }),
  'stopping.releasing': stopping(3, 'stopping.onShutdown'),
  'stopping.onShutdown': stopping(4, 'stopping.closing'),
  'stopping.closing': stopping(5, 'stopping.afterStop'),
  'stopping.afterStop': {
    by: [...running([], {}).by, 'stop.requested', ...times(6)],
    to: { 'step.done': 'stopped', 'step.failed': 'error' },
  },

  stopped: { by: ['stop.requested'], to: {} },
  error: { by: ['start.requested', 'step.failed', 'step.done'], to: {} },
};

function starting(done: number, next: string, counterpart: string) {
  const by: Move[] = ['start.requested', ...times(done)];
  const unwound = { 'stop.requested': counterpart, 'startup.expired': counterpart, 'step.failed': counterpart };
  return { by, to: { ...unwound, 'step.done': next } };
}

function running(by: readonly Move[], to: { readonly [M in Move]?: string }) {
  return {
    by: ['start.requested', ...times(5), ...by] as Move[],
    to: { 'stop.requested': 'stopping.beforeStop', ...to },
  };
}

function stopping(done: number, next: string, to: { readonly [M in Move]?: string } = {}) {
  const by: Move[] = ['start.requested', ...times(5), 'stop.requested', ...times(done)];
  return { by, to: { 'step.done': next, 'step.failed': next, ...to } };
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

test('the table below names every state that the machine rests in, and every event that it knows', () => {
  // `ending` is passed through and never rested in.
  const resting = leaves(workerMachine.root).filter((state) => state !== 'stopping.ending');
  expect(Object.keys(STATES).sort()).toEqual(resting.sort());
  const own = workerMachine.events.filter((event) => !event.startsWith('xstate.'));
  const covered = MOVES.map((move) => eventOf(having([]), move).type).filter((type) => !type.startsWith('xstate.'));
  expect([...new Set(covered)].sort()).toEqual([...own].sort());
});

describe.each(Object.entries(STATES))('in %s', (state, { by, to }) => {
  test.each(MOVES)('%s leads where the table says, and nowhere else', (move) => {
    const before = having(by);
    expect(detailOf(before)).toBe(state);
    expect(detailOf(moved(before, move))).toBe(to[move] ?? state);
  });
});

describe('a start-up', () => {
  test.each(STARTING)('that fails in %s ends in error, with the first error first', (state) => {
    let snapshot = moved(having(STATES[state]?.by ?? []), 'step.failed');
    while (snapshot.status === 'active') snapshot = moved(snapshot, 'step.failed');
    expect(snapshot.value).toBe('error');
    expect(snapshot.context.errors[0]).toEqual(new Error(`0.worker.${state}`));
    expect(snapshot.context.startFailed).toBe(true);
  });

  test.each(STARTING)('that is stopped in %s ends stopped when it is unwound in good order', (state) => {
    let snapshot = moved(having(STATES[state]?.by ?? []), 'stop.requested');
    while (snapshot.status === 'active') snapshot = moved(snapshot, 'step.done');
    expect(snapshot.value).toBe('stopped');
  });

  test.each(STARTING)('that takes too long in %s ends in error even when it is unwound in good order', (state) => {
    let snapshot = moved(having(STATES[state]?.by ?? []), 'startup.expired');
    while (snapshot.status === 'active') snapshot = moved(snapshot, 'step.done');
    expect(snapshot.value).toBe('error');
    expect(snapshot.context.expired).toBe(true);
  });

  test('is timed as a whole', () => {
    const [, actions] = transition(workerMachine, having([]), { type: 'start.requested' });
    const timers = actions.filter(({ type }) => type === 'xstate.raise').map(({ params }) => params as object);
    expect(timers).toContainEqual(expect.objectContaining({ delay: 30_000 }));
  });
});

describe('facts that outlast a sub-state', () => {
  const started: Move[] = ['start.requested', ...times(5)];

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
    for (let i = 0; i < 8 && snapshot.status === 'active'; i++) snapshot = moved(snapshot, 'step.done');
    expect(snapshot.status, key).toBe('done');
  }
});
