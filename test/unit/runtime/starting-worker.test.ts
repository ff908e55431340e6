import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StartupTimeoutError, WorkerStoppedError } from '../../../src/runtime/worker-errors.js';
import { hangs, rejection, through } from '../../support/fake-time.js';
import { allHooks, fakeWorker } from '../../support/fake-worker.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a start-up that fails', () => {
  const broken = () => {
    throw new Error('broken');
  };

  test.each<[string, (log: string[]) => ReturnType<typeof fakeWorker>, string[]]>([
    [
      'in a beforeStart hook',
      (log) => fakeWorker({ hooks: { ...allHooks(log), beforeStart: broken } }, log),
      ['afterStop'],
    ],
    [
      'while it opens',
      (log) => {
        const made = fakeWorker({ hooks: allHooks(log) }, log);
        made.engine.does.open = broken;
        return made;
      },
      ['beforeStart', 'open', 'close', 'afterStop'],
    ],
    [
      'in an onStartup hook',
      (log) => {
        const hooks = allHooks(log);
        return fakeWorker({ hooks: { ...hooks, onStartup: [...hooks.onStartup, broken] } }, log);
      },
      ['beforeStart', 'open', 'onStartup', 'onShutdown 2', 'onShutdown 1', 'cleanup', 'close', 'afterStop'],
    ],
    [
      'while it begins to consume',
      (log) => {
        const made = fakeWorker({ hooks: allHooks(log) }, log);
        made.engine.does.consume = broken;
        return made;
      },
      [
        ...['beforeStart', 'open', 'onStartup', 'consume', 'quiesce', 'drain', 'release'],
        ...['onShutdown 2', 'onShutdown 1', 'cleanup', 'close', 'afterStop'],
      ],
    ],
    [
      'in an afterStart hook',
      (log) => fakeWorker({ hooks: { ...allHooks(log), afterStart: broken } }, log),
      [
        ...['beforeStart', 'open', 'onStartup', 'consume', 'beforeStop', 'quiesce', 'drain', 'release'],
        ...['onShutdown 2', 'onShutdown 1', 'cleanup', 'close', 'afterStop'],
      ],
    ],
  ])('%s undoes exactly what was begun, and rejects with the error', async (_, make, expected) => {
    const log: string[] = [];
    const { worker, states } = make(log);
    await expect(worker.start()).rejects.toThrow('broken');
    await expect(worker.finished).rejects.toThrow('broken');
    expect(log).toEqual(expected);
    expect(states).toEqual(['starting', 'stopping', 'error']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('rejects with the first error itself, and the others are its causes', async () => {
    const first = new Error('first', { cause: new Error('its own cause') });
    const { worker, engine } = fakeWorker({
      hooks: {
        onStartup: [
          () => broken,
          () => {
            throw first;
          },
        ],
      },
    });
    const told: string[] = [];
    worker.on('error', (error) => told.push(error.message));
    engine.does.close = () => Promise.reject(new Error('not closed'));
    expect(await rejection(worker.start())).toBe(first);
    const messages = (first.cause as AggregateError).errors.map((error: Error) => error.message);
    expect(messages).toEqual(['its own cause', 'broken', 'not closed']);
    expect(told).toEqual(['first', 'broken', 'not closed']);
  });

  test('because it takes too long, all in all, is given up after startupTimeout', async () => {
    const log: string[] = [];
    const { worker, engine } = fakeWorker({ hooks: allHooks(log), startupTimeout: '5s' }, log);
    engine.does.open = hangs;
    const started = performance.now();
    const error = await rejection(worker.start());
    expect(error).toBeInstanceOf(StartupTimeoutError);
    expect(performance.now() - started).toBeLessThanOrEqual(5_000 + 1_000 + 200);
    expect(log).toEqual(['beforeStart', 'open', 'close', 'afterStop']);
    expect(worker.state).toBe('error');
  });

  test('because a hook hangs is given up after the hook timeout', async () => {
    const { worker } = fakeWorker({ hooks: { onStartup: hangs }, hookTimeout: '2s' });
    const error = await rejection(worker.start());
    expect(error.message).toContain('hook onStartup took longer than 2000 ms');
    expect(worker.state).toBe('error');
  });

  test('never leaves open what opened too late', async () => {
    const { worker, engine } = fakeWorker({ startupTimeout: '1s' });
    let opened = () => {};
    engine.does.open = () =>
      new Promise<void>((resolve) => {
        opened = resolve;
      });
    await rejection(worker.start());
    expect(engine.calls).toEqual(['open', 'close']);
    opened();
    await vi.advanceTimersByTimeAsync(0);
    expect(engine.calls).toEqual(['open', 'close', 'quiesce', 'close']);
  });
});

describe('a stop during the start-up', () => {
  test('is honoured: the hook is told, no other step starts, and what was begun is undone', async () => {
    const log: string[] = [];
    const polite = ({ signal }: { signal: AbortSignal }) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(void log.push('told'))));
    const { worker, states } = fakeWorker(
      { hooks: { ...allHooks(log), onStartup: [polite, () => void log.push('second')] } },
      log,
    );
    const told: Error[] = [];
    worker.on('error', (error) => told.push(error));
    const started = worker.start();
    await worker.waitFor('starting.onStartup');
    const stopped = worker.stop({ reason: 'deploy' });
    const error = await rejection(started);
    expect(error).toBeInstanceOf(WorkerStoppedError);
    expect(error.message).toContain('deploy');
    await stopped;
    expect(log).toEqual(['beforeStart', 'open', 'told', 'onShutdown 2', 'onShutdown 1', 'close', 'afterStop']);
    expect(states).toEqual(['starting', 'stopping', 'stopped']);
    expect(told).toEqual([]);
  });

  test('does not wait for a hook that hangs longer than a second', async () => {
    const { worker } = fakeWorker({ hooks: { onStartup: hangs } });
    worker.start().catch(() => {});
    await worker.waitFor('starting.onStartup');
    const before = performance.now();
    await through(worker.stop());
    expect(performance.now() - before).toBeLessThanOrEqual(1_100);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('never closes while it is still opening', async () => {
    const { worker, engine, log } = fakeWorker();
    engine.does.open = () => new Promise<void>((resolve) => setTimeout(() => resolve(void log.push('opened')), 500));
    worker.start().catch(() => {});
    await worker.waitFor('starting.opening');
    await through(worker.stop());
    expect(log).toEqual(['open', 'opened', 'close']);
  });
});
