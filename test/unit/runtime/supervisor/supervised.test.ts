import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { FromProcess, ToProcess } from '../../../../src/runtime/supervisor/messages.js';
import { type Channel, Supervised } from '../../../../src/runtime/supervisor/supervised.js';
import { eventually } from '../../../support/eventually.js';
import { fakeWorker } from '../../../support/fake-worker.js';

/** The process's side, and what it said. */
class FakeChannel extends EventEmitter implements Channel {
  connected = true;
  readonly said: FromProcess[] = [];
  readonly exits: number[] = [];
  send(message: FromProcess): boolean {
    this.said.push(message);
    return true;
  }
  exit(code: number): void {
    this.exits.push(code);
  }
  hear(message: ToProcess): void {
    this.emit('message', message);
  }
}

function supervised({ metrics = false } = {}) {
  const channel = new FakeChannel();
  const end = new Supervised(channel, { metrics, maxLoopLagMs: 5_000 });
  const fake = fakeWorker({}, [], { monitor: (worker) => end.monitor(worker) });
  end.attach(fake.worker);
  const answerTo = async (question: 'live' | 'ready' | 'metrics', number: number) => {
    channel.hear({ question, number });
    const given = () => channel.said.find((one) => 'number' in one && one.number === number);
    await eventually(() => expect(given()).toBeDefined());
    return given() as { answer: unknown };
  };
  return { ...fake, channel, answerTo };
}

test('says when it takes work and when it does not', async () => {
  const { worker, channel } = supervised();
  await worker.start();
  await worker.pause();
  await worker.resume();
  await worker.stop();
  const told = channel.said.flatMap((one) => ('ready' in one ? [one.ready] : []));
  expect(told).toEqual([false, true, false, true, false]);
});

test('answers as its probes would, and with its metrics where they are wanted', async () => {
  const { worker, answerTo } = supervised({ metrics: true });
  await worker.start();
  expect(await answerTo('live', 1)).toMatchObject({ answer: { ok: true, state: 'running' } });
  await worker.pause();
  expect(await answerTo('ready', 2)).toMatchObject({ answer: { ok: false, reason: 'it is running.paused' } });
  const { answer } = await answerTo('metrics', 3);
  expect(answer).toContainEqual(
    expect.objectContaining({ name: 'baton_worker_startups_total', values: [{ value: 1, labels: {} }] }),
  );
  await worker.stop();
});

test('gives its metrics away when it ends', async () => {
  const { worker, channel } = supervised({ metrics: true });
  await worker.start();
  await worker.stop();
  const last = channel.said.find((one) => 'last' in one);
  expect(last?.last).toContainEqual(
    expect.objectContaining({ name: 'baton_worker_shutdowns_total', values: [{ value: 1, labels: {} }] }),
  );
});

test('stops its worker when it is told to, and once more without patience', async () => {
  const { worker, engine, channel } = supervised();
  await worker.start();
  engine.inFlight = 1;
  channel.hear({ order: 'stop' });
  channel.hear({ order: 'stop' });
  await worker.waitFor('stopping.draining');
  channel.hear({ order: 'force' });
  await worker.finished;
  expect(engine.released).toBeDefined();
});

test('stops its worker in good order when the supervisor is gone', async () => {
  const { worker, engine, channel } = supervised();
  await worker.start();
  channel.connected = false;
  channel.emit('disconnect');
  await worker.finished;
  expect(engine.calls).toContain('drain');
  expect(channel.said.some((one) => 'last' in one)).toBe(false);
});

test('without a worker yet it just ends', () => {
  const channel = new FakeChannel();
  new Supervised(channel, { metrics: false, maxLoopLagMs: 5_000 });
  channel.hear({ order: 'stop' });
  channel.emit('disconnect');
  expect(channel.exits).toEqual([0, 0]);
});
