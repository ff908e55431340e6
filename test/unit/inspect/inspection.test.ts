/** `connect({ inspect })`, as an inspector of the user's own sees it. */
import { afterEach, expect, test, vi } from 'vitest';
import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate';
import type { DeliveryPhase } from '../../../machines/delivery.js';
import { nextPhases } from '../../../machines/index.js';
import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import { branch, flow } from '../../../src/core/flow.js';
import { ProcessInspection } from '../../../src/inspect/inspection.js';
import type { Inspector } from '../../../src/inspect/inspector.js';
import { MemoryState } from '../../../src/store/memory/state.js';
import { MemoryStore } from '../../../src/store/memory/store.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { eventually } from '../../support/eventually.js';
import { silent } from '../../support/silent.js';

let baton: Baton | undefined;
afterEach(() => baton?.close());

const order = flow<number>('order')
  .fork([branch('charge', (n) => n + 1), branch('invoice', (n) => n + 2)])
  .join('sum', ([a, b]) => a + b)
  .then('ship', (n) => n)
  .build();

async function inspected(inspector: Inspector) {
  const transport = new InProcessTransport(new InProcessBroker(), 'default');
  const store = new MemoryStore(new MemoryState(), { namespace: 'default' });
  const inspection = await ProcessInspection.open(inspector, 'default', silent);
  const services = { namespace: 'default', codec: jsonCodec, logger: silent, store, transport };
  baton = new Baton(new Connection({ ...services, inspection }));
  return { baton, transport };
}

/** What an actor did: its id, its parent's, and its states in order. */
class Watch {
  readonly actors = new Map<string, { id: string; parent?: string | undefined; states: string[]; done: boolean }>();

  readonly see = (event: InspectionEvent) => {
    const { sessionId, id, _parent } = event.actorRef as AnyActorRef & { id: string; _parent?: { id: string } };
    if (event.type === '@xstate.actor')
      this.actors.set(sessionId, { id, parent: _parent?.id, states: [], done: false });
    if (event.type !== '@xstate.snapshot') return;
    const actor = this.actors.get(sessionId);
    const { value, status } = event.snapshot as AnyMachineSnapshot;
    if (value === undefined || actor === undefined) return;
    const state = typeof value === 'string' ? value : JSON.stringify(value);
    if (actor.states.at(-1) !== state) actor.states.push(state);
    actor.done = status === 'done';
  };

  of(id: string) {
    return [...this.actors.values()].filter((actor) => actor.id.startsWith(id));
  }
}

test('workers, breakers and connections are seen, and deliveries as children of their worker', async () => {
  const watch = new Watch();
  const { baton, transport } = await inspected(watch.see);
  const worker = baton.worker({ workflows: [order], id: 'w' });
  await worker.start();
  const run = await baton.start(order, 1);
  expect(await run.result()).toBe(5);
  expect(watch.of('w')).toMatchObject([{ id: 'w', done: false }]);
  expect(watch.of('breaker')).toMatchObject([{ parent: 'w', states: ['{"closed":"steady"}'] }]);
  expect(watch.of('Postgres')).toMatchObject([{ states: ['connecting', 'connected'] }]);
  transport.setReachable(false);
  transport.setReachable(true);
  expect(watch.of('RabbitMQ')[0]?.states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
  await worker.stop();
  const deliveries = watch.of('delivery ');
  expect(deliveries.length).toBeGreaterThanOrEqual(3);
  for (const { parent, states, done } of deliveries) {
    expect([parent, done, states.at(-1)]).toEqual(['w', true, 'settled']);
    const phases = states as DeliveryPhase[];
    for (const [i, phase] of phases.entries()) expect(nextPhases(phases[i - 1])).toContain(phase);
  }
  await baton.close();
  expect(watch.of('w')).toMatchObject([{ states: expect.arrayContaining(['stopped']), done: true }]);
  expect(watch.of('RabbitMQ')).toMatchObject([{ done: true }]);
});

test('of more than fifty deliveries at once, fifty are actors', async () => {
  const watch = new Watch();
  const { baton } = await inspected({ next: watch.see });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let running = 0;
  const hold = flow<number>('hold')
    .then('hold', async () => {
      running++;
      await held;
    })
    .build();
  const worker = baton.worker({ workflows: [hold], concurrency: 80 });
  await worker.start();
  const runs = await baton.startMany(
    hold,
    Array.from({ length: 80 }, (_, i) => i),
  );
  await eventually(() => expect(running).toBe(80));
  expect(watch.of('delivery ')).toHaveLength(50);
  release();
  await Promise.all(runs.map((run) => run.result()));
  await eventually(() => expect(watch.of('delivery ').every(({ done }) => done)).toBe(true));
});

test('an inspector that throws disturbs nobody', async () => {
  const inspector = vi.fn(() => {
    throw new Error('not today');
  });
  const { baton } = await inspected(inspector);
  const worker = baton.worker({ workflows: [order] });
  await worker.start();
  expect(await (await baton.start(order, 1)).result()).toBe(5);
  expect(inspector).toHaveBeenCalled();
  await worker.stop();
});
