import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { breakerMachine, connectionMachine, type DeliveryPhase, workerMachine } from '../../../machines/index.js';
import type { Message } from '../../../src/core/model.js';
import { Feed } from '../../../src/inspect/feed.js';
import type { Leased } from '../../../src/runtime/leased.js';

let now = 0;
const feedOf = () => new Feed({ process: { process: 'p', host: 'h', pid: 1 }, now: () => now });
const inspected = (feed: Feed) => ({ inspect: (event: Parameters<Feed['see']>[0]) => feed.see(event) });
const message = (path = '/0'): Message => ({ run: '7', path, readyAt: 0, publishedAt: 0, losses: 0 });
const leased = (secret: string) =>
  ({
    activation: { info: { id: 'order-1', workflow: 'order' }, path: '/0', attempt: 2, bytes: Buffer.from(secret) },
    node: { id: 'charge' },
  }) as unknown as Leased;

describe('actors', () => {
  test('are shown with their state, since when, and what made them', () => {
    const feed = feedOf();
    now = 100;
    const worker = createActor(workerMachine, { id: 'w', input: { startupTimeoutMs: 10 }, ...inspected(feed) }).start();
    now = 250;
    worker.send({ type: 'start.requested' });
    expect(feed.frame()).toMatchObject({
      process: 'p',
      at: 250,
      actors: [
        {
          id: 'w',
          machine: 'worker',
          states: ['starting.serving'],
          since: 250,
          ended: false,
          facts: { paused: false },
        },
      ],
      events: [{ seq: 1, at: 250, who: 'w', what: 'initializing → starting.serving on start.requested' }],
    });
    worker.send({ type: 'stop.requested' });
    expect(feed.frame().events.at(-1)?.what).toBe('starting.serving → stopping.unserving on stop.requested');
  });

  test('that only change their context stay in their state', () => {
    const feed = feedOf();
    now = 0;
    const breaker = createActor(breakerMachine, { id: 'b', input: {}, ...inspected(feed) }).start();
    now = 50;
    breaker.send({ type: 'infrastructure.failed' });
    expect(feed.frame().actors).toMatchObject([{ since: 0, states: ['closed.steady'], facts: { failures: 1 } }]);
    expect(feed.frame().events).toEqual([]);
  });

  test('that have ended are shown for a while, and never pile up', () => {
    const feed = feedOf();
    for (let i = 0; i < 100; i++) {
      const actor = createActor(connectionMachine, { id: `c${i}`, input: { client: 'c' }, ...inspected(feed) }).start();
      actor.send({ type: 'connection.closed' });
    }
    createActor(connectionMachine, { id: 'alive', input: { client: 'c' }, ...inspected(feed) }).start();
    const { actors, events } = feed.frame();
    expect(actors).toHaveLength(11);
    expect(actors.map(({ id }) => id)).toEqual(expect.arrayContaining(['c99', 'alive']));
    expect(events).toHaveLength(40);
    expect(events.at(-1)?.seq).toBe(100);
  });
});

describe('deliveries', () => {
  const report = (feed: Feed, of: Message, ...phases: DeliveryPhase[]) => {
    for (const phase of phases) feed.deliver('w', of, phase, phase === 'executing' ? leased('hunter2') : undefined);
  };

  test('are followed from phase to phase while somebody looks, and linger for a moment', () => {
    const feed = feedOf();
    now = 1_000;
    feed.look(() => {});
    const one = message();
    report(feed, one, 'leasing');
    expect(feed.frame().deliveries).toMatchObject({
      inFlight: 1,
      shown: [{ phase: 'leasing', path: '/0', worker: 'w' }],
    });
    now = 1_200;
    report(feed, one, 'executing');
    expect(feed.frame().deliveries.shown).toEqual([
      {
        key: 1,
        worker: 'w',
        run: 'order-1',
        workflow: 'order',
        task: 'charge',
        path: '/0',
        attempt: 2,
        phase: 'executing',
        since: 1_200,
        from: 1_000,
      },
    ]);
    report(feed, one, 'committing', 'publishing', 'acking', 'settled');
    expect(feed.frame().deliveries).toMatchObject({ inFlight: 0, settled: 1, shown: [{ phase: 'settled' }] });
    now = 4_000;
    expect(feed.frame().deliveries.shown).toEqual([]);
  });

  test('are no more than fifty in a frame, the oldest in flight first, and all are counted', () => {
    const feed = feedOf();
    feed.look(() => {});
    const all = Array.from({ length: 80 }, (_, i) => message(`/${i}`));
    for (const each of all) report(feed, each, 'leasing');
    report(feed, all[0] as Message, 'settled');
    const { inFlight, settled, shown } = feed.frame().deliveries;
    expect([inFlight, settled, shown.length]).toEqual([79, 1, 50]);
    expect(shown.map(({ path }) => path)).toEqual(all.slice(1, 51).map(({ path }) => path));
  });

  test('cost nothing while nobody looks, and are forgotten with the last who did', () => {
    const feed = feedOf();
    report(feed, message(), 'leasing');
    expect(feed.version).toBe(0);
    const leave = [feed.look(() => {}), feed.look(() => {})];
    report(feed, message(), 'leasing');
    leave[0]?.();
    expect(feed.frame().deliveries.inFlight).toBe(1);
    leave[1]?.();
    expect(feed.watched).toBe(false);
    expect(feed.frame().deliveries).toEqual({ inFlight: 0, settled: 0, shown: [] });
  });

  test('show nothing of what they carry', () => {
    const feed = feedOf();
    feed.look(() => {});
    report(feed, message(), 'leasing', 'executing');
    expect(JSON.stringify(feed.frame())).not.toContain('hunter2');
  });
});

test('an attempt that didn’t go well is an event', () => {
  const feed = feedOf();
  const event = { runId: 'r', workflow: 'order', taskId: 'charge', path: '/0', attempt: 1, durationMs: 3 } as const;
  feed.task('w', { ...event, outcome: 'completed' });
  feed.task('w', { ...event, outcome: 'timed_out' });
  expect(feed.frame().events.map(({ what }) => what)).toEqual(['task charge of order r, attempt 1: timed out']);
});
