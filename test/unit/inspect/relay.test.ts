/** What Stately's inspector gets to see, over a real WebSocket. */
import { networkInterfaces } from 'node:os';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { branch, flow } from '../../../src/core/flow.js';
import type { Logger } from '../../../src/core/logger.js';
import { ProcessInspection } from '../../../src/inspect/inspection.js';
import { eventually } from '../../support/eventually.js';
import { inMemory } from '../../support/in-memory.js';
import { silent } from '../../support/silent.js';

const order = flow<number>('order')
  .fork([branch('charge', (n) => n + 1), branch('invoice', (n) => n + 2)])
  .join('sum', ([a, b]) => a + b)
  .build();

const memory = inMemory();
let inspection: ProcessInspection;
let url: URL;
const viewers: WebSocket[] = [];

beforeEach(async () => {
  const logger = Object.assign(Object.create(silent) as Logger, {
    info: (said: { url: string }) => {
      url = new URL(said.url);
    },
  });
  inspection = await ProcessInspection.open(true, 'default', logger);
});

afterEach(async () => {
  for (const viewer of viewers.splice(0)) viewer.terminate();
  await memory.close();
  await inspection.close();
});

function viewer(origin?: string): { socket: WebSocket; frames: StatelyInspectionEvent[] } {
  const frames: StatelyInspectionEvent[] = [];
  const socket = new WebSocket(`ws://${url.host}`, origin === undefined ? {} : { origin });
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as StatelyInspectionEvent));
  viewers.push(socket);
  return { socket, frames };
}

const actorsIn = (frames: readonly StatelyInspectionEvent[]) => frames.filter(({ type }) => type === '@xstate.actor');
const named = (frames: readonly StatelyInspectionEvent[], name: RegExp) =>
  actorsIn(frames).filter((frame) => 'name' in frame && name.test(frame.name));

test('who comes late is told of every actor with its machine and its state, then of all that it does', async () => {
  const worker = memory.baton({ inspection }).worker({ workflows: [order], id: 'w' });
  await worker.start();
  const { frames } = viewer();
  await eventually(() => expect(named(frames, /^w$/)).toHaveLength(1));
  const [frame] = named(frames, /^w$/) as [Extract<StatelyInspectionEvent, { type: '@xstate.actor' }>];
  expect(frame.snapshot).toMatchObject({ status: 'active', value: { running: 'ready' } });
  expect(JSON.parse(frame.definition as string)).toMatchObject({ id: 'worker', initial: 'initializing' });
  await eventually(() => expect(named(frames, /^(breaker|Postgres|RabbitMQ)$/)).toHaveLength(3));
  expect(named(frames, /^breaker$/)).toMatchObject([{ parentId: frame.sessionId }]);
  await worker.pause();
  await eventually(() =>
    expect(frames).toContainEqual(
      expect.objectContaining({
        type: '@xstate.snapshot',
        sessionId: frame.sessionId,
        snapshot: expect.objectContaining({ value: { running: 'paused' } }),
      }),
    ),
  );
});

test('deliveries are children of their worker while somebody looks, and nothing at all otherwise', async () => {
  const baton = memory.baton({ inspection });
  const worker = baton.worker({ workflows: [order], id: 'w' });
  await worker.start();
  await (await baton.start(order, 1)).result();
  const { frames } = viewer();
  await eventually(() => expect(named(frames, /^w$/)).toHaveLength(1));
  expect(named(frames, /^delivery/)).toEqual([]);
  await (await baton.start(order, 1, { id: 'order-7' })).result();
  await eventually(() => expect(named(frames, /^delivery/).length).toBeGreaterThanOrEqual(2));
  const [parent] = named(frames, /^w$/);
  for (const delivery of named(frames, /^delivery/)) {
    expect(delivery).toMatchObject({ parentId: parent?.sessionId });
    await eventually(() =>
      expect(frames).toContainEqual(
        expect.objectContaining({
          sessionId: delivery.sessionId,
          snapshot: expect.objectContaining({ status: 'done', value: 'settled' }),
        }),
      ),
    );
  }
  expect(frames).toContainEqual(
    expect.objectContaining({ event: { type: 'executing.entered', runId: 'order-7', task: 'charge' } }),
  );
});

test('the receiver that @statelyai/inspect brings understands it', async () => {
  await memory
    .baton({ inspection })
    .worker({ workflows: [order], id: 'w' })
    .start();
  const frames: StatelyInspectionEvent[] = [];
  createWebSocketReceiver({ server: `ws://${url.host}` }).subscribe((frame) => frames.push(frame));
  await eventually(() => expect(named(frames, /^w$/)).toHaveLength(1));
});

test('what hooks and errors carry isn’t shown, and a hook’s odd error ends nobody', async () => {
  const { socket, frames } = viewer();
  await eventually(() => expect(socket.readyState).toBe(WebSocket.OPEN));
  const odd: { self?: unknown; amount: bigint; password: string } = { amount: 1n, password: 'hunter2' };
  odd.self = odd;
  const hooks = { onStartup: () => Promise.reject(Object.assign(new Error('hunter2'), odd)) };
  const worker = memory.baton({ inspection }).worker({ workflows: [order], id: 'w', hooks });
  await expect(worker.start()).rejects.toThrow();
  await eventually(() =>
    expect(frames).toContainEqual(expect.objectContaining({ snapshot: expect.objectContaining({ value: 'error' }) })),
  );
  expect(JSON.stringify(frames)).not.toContain('hunter2');
});

test('it listens on the loopback interface alone, and lets no page of a stranger’s in', async () => {
  expect(url.hostname).toBe('127.0.0.1');
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  for (const { address } of addresses.filter(({ internal, family }) => !internal && family === 'IPv4'))
    await expect(fetch(`http://${address}:${url.port}`)).rejects.toThrow();
  const { socket } = viewer('https://evil.example');
  const refused = await new Promise<string>((resolve) => socket.once('error', ({ message }) => resolve(message)));
  expect(refused).toContain('401');
  expect((await fetch(url)).status).toBe(200);
  expect((await fetch(url, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
});
