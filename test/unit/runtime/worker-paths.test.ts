/** The ways that the machine says a worker can go, walked by a worker whose engine, hooks and checks are fakes. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EventFromLogic, type SnapshotFrom, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { workerMachine } from '../../../machines/worker.js';
import type { EngineLike } from '../../../src/runtime/lifecycle.js';
import { detailOf } from '../../../src/runtime/worker-state.js';
import type { FakeEngine } from '../../support/fake-engine.js';
import { type FakeWorker, fakeWorker } from '../../support/fake-worker.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Less than any step has. */
const STARTUP_MS = 5_000;

type Snapshot = SnapshotFrom<typeof workerMachine>;
type Event = EventFromLogic<typeof workerMachine>;

const MOVES = [
  'start.requested',
  'stop.requested',
  'stop.forced',
  'pause.requested',
  'resume.requested',
  'startup.expired',
  'health.bad',
  'health.good',
  'breaker.opened',
  'breaker.closed',
  'step.done',
  'step.failed',
] as const;
type Move = (typeof MOVES)[number];

/** A move, as the machine is told of it. */
interface Told {
  readonly type: string;
  readonly move: Move;
}

function told(move: Move, snapshot: Snapshot): Told {
  const step = `0.worker.${detailOf(snapshot)}`;
  const closed = move === 'breaker.closed';
  switch (move) {
    case 'health.bad':
    case 'health.good':
      return { type: 'health.changed', move, ok: move === 'health.good' } as Told;
    case 'breaker.opened':
    case 'breaker.closed':
      return { type: 'xstate.snapshot.breaker', move, snapshot: { matches: () => closed } } as Told;
    case 'step.done':
      return { type: `xstate.done.actor.${step}`, move, output: [] } as Told;
    case 'step.failed':
      return { type: `xstate.error.actor.${step}`, move, error: new Error(step) } as Told;
    default:
      return { type: move, move };
  }
}

/** Without HTTP these two are over as soon as they begin. */
const PASSING = ['starting.serving', 'stopping.unserving'];

/** What can be brought about in a state. */
function possible(snapshot: Snapshot): Told[] {
  const detail = detailOf(snapshot);
  const { tripped, degraded } = snapshot.context;
  const moves = MOVES.filter((move) => {
    if (PASSING.includes(detail)) return move === 'step.done';
    // The real breaker opens then, which is another move.
    if (move === 'step.failed' && detail === 'running.resuming') return false;
    const [subject] = move.split('.');
    if (subject !== 'health' && subject !== 'breaker') return true;
    if (!detail.startsWith('running')) return false;
    return subject === 'health' ? degraded === (move === 'health.good') : tripped === (move === 'breaker.closed');
  });
  return moves.map((move) => told(move, snapshot));
}

interface Step {
  readonly move: Move;
  /** Where the machine is after it. */
  readonly detail: string;
}

/** To every state by its shortest way, and from there on by every move that there is. */
function ways(): Step[][] {
  const paths = getShortestPaths(workerMachine, {
    input: { startupTimeoutMs: STARTUP_MS },
    events: (snapshot) => possible(snapshot) as unknown as Event[],
    serializeState: (snapshot) => {
      const { errors, ...facts } = snapshot.context;
      return JSON.stringify([detailOf(snapshot), facts, errors.length > 0]);
    },
    serializeEvent: (event) => JSON.stringify(event),
  });
  const taken = new Set<string>();
  return paths.flatMap(({ steps, state }) => {
    const way = steps.slice(1).map((step) => ({
      move: (step.event as unknown as Told).move,
      detail: detailOf(step.state),
    }));
    if (state.status !== 'active') return [];
    return possible(state).flatMap((last) => {
      const detail = detailOf(transition(workerMachine, state, last as never)[0]);
      // Once each: with which facts it came there is of no matter, unless they lead elsewhere.
      const key = `${detailOf(state)} ${last.move} ${detail}`;
      if (taken.has(key)) return [];
      taken.add(key);
      return [[...way, { move: last.move, detail }]];
    });
  });
}

/** A worker each of whose steps waits to be told how it ends. */
class Held {
  readonly #made: FakeWorker;
  #bad = false;
  #open = false;
  #end: { resolve(): void; reject(error: Error): void } | undefined;
  #probe: (() => void) | undefined;

  constructor() {
    const hold = () => this.#hold();
    // The first of each list has come to its end, so that there is something to undo.
    const start = [() => {}, hold];
    const gate = () => (this.#made.worker.state === 'starting' ? hold() : undefined);
    const mood = () => {
      if (this.#bad) throw new Error('bad');
    };
    this.#made = fakeWorker({
      startupTimeout: STARTUP_MS,
      hooks: {
        ...{ beforeStart: start, onStartup: start, afterStart: start },
        ...{ beforeStop: hold, onShutdown: hold, afterStop: hold },
      },
      checks: [
        { name: 'gate', check: gate, interval: 0 },
        { name: 'mood', check: mood, critical: false, interval: 0 },
      ],
    });
    const steps = ['define', 'reachBroker', 'learnQueues', 'register', 'consume'] as const;
    const stops = ['quiesce', 'drain', 'release', 'flush', 'close'] as const;
    for (const step of [...steps, ...stops] satisfies (keyof EngineLike & keyof FakeEngine['does'])[])
      this.#made.engine.does[step] = hold;
    this.#made.engine.does.probe = () =>
      this.#open ? new Promise<void>((resolve) => (this.#probe = resolve)) : undefined;
  }

  get detail(): string {
    return this.#made.worker.detail;
  }

  async move(move: Move): Promise<void> {
    const before = { detail: this.detail, end: this.#end };
    await this.#bringAbout(move);
    // A step that was left is told so, and comes to its end.
    if (!move.startsWith('step.') && before.detail !== this.detail) before.end?.resolve();
    await vi.advanceTimersByTimeAsync(0);
  }

  async #bringAbout(move: Move): Promise<void> {
    const { worker, engine } = this.#made;
    switch (move) {
      case 'start.requested':
        worker.start().catch(() => {});
        return;
      case 'step.done':
        this.#end?.resolve();
        return;
      case 'step.failed':
        this.#end?.reject(new Error('failed'));
        return;
      case 'startup.expired':
        if (worker.state === 'starting') await vi.advanceTimersByTimeAsync(STARTUP_MS);
        return;
      case 'health.bad':
      case 'health.good':
        this.#bad = move === 'health.bad';
        void worker.health();
        return;
      case 'breaker.opened':
        this.#open = true;
        engine.lose();
        return;
      case 'breaker.closed':
        await vi.advanceTimersByTimeAsync(300);
        this.#open = false;
        this.#probe?.();
        return;
      default:
        worker.actor.send({ type: move });
    }
  }

  #hold(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
  }
}

test('the ways take every move, and come to every state', () => {
  const steps = ways().flat();
  expect([...new Set(steps.map(({ move }) => move))].sort()).toEqual([...MOVES].sort());
  const details = new Set(steps.map(({ detail }) => detail));
  // The last two, and the steps and sub-states of the others.
  expect(details.size).toBe(2 + 10 + 6 + 9);
});

test('a worker is, after every move of every way, where the machine says', async () => {
  const all = ways();
  expect(all.length).toBeGreaterThan(200);
  for (const way of all) {
    const worker = new Held();
    for (const [i, { move, detail }] of way.entries()) {
      if (!PASSING.includes(way[i - 1]?.detail ?? '')) await worker.move(move);
      if (PASSING.includes(detail)) continue;
      const before = way.slice(0, i + 1).map((step) => step.move);
      expect(worker.detail, before.join(', ')).toBe(detail);
    }
  }
});
