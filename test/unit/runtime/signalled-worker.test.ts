import { afterEach, describe, expect, test } from 'vitest';
import { fakeWorker } from '../../support/fake-worker.js';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const;
type Signal = (typeof SIGNALS)[number];

const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
const exitCode = process.exitCode;
afterEach(() => {
  process.exitCode = exitCode;
});

/** Listeners that came since this file was loaded. */
const added = (signal: Signal) =>
  process.listeners(signal).filter((listener) => !before.get(signal)?.includes(listener));

/** As the process would, but only to the worker's own listeners: the test's process has others. */
function signal(name: Signal): void {
  for (const listener of added(name)) listener(name);
}

describe('with handleSignals', () => {
  test.each<Signal>(['SIGTERM', 'SIGINT'])(
    '%s stops the worker, and nothing listens any more when it has ended',
    async (name) => {
      const { worker, states } = fakeWorker({ handleSignals: true });
      await worker.start();
      expect(SIGNALS.map((one) => added(one).length)).toEqual([1, 1, 1, 1]);
      signal(name);
      await worker.finished;
      expect(states).toEqual(['starting', 'running', 'stopping', 'stopped']);
      expect(SIGNALS.map((one) => added(one).length)).toEqual([0, 0, 0, 0]);
      expect(process.exitCode).toBe(exitCode);
    },
  );

  test('a signal during the start-up is honoured', async () => {
    const { worker } = fakeWorker({
      handleSignals: true,
      hooks: {
        onStartup: ({ signal: told }) => new Promise((resolve) => told.addEventListener('abort', () => resolve())),
      },
    });
    const started = worker.start().catch((error: Error) => error.message);
    await worker.waitFor('starting.onStartup');
    signal('SIGTERM');
    await worker.finished;
    expect(await started).toContain('SIGTERM');
    expect(added('SIGTERM')).toEqual([]);
  });

  test('a second one no longer waits for tasks', async () => {
    const { worker, engine } = fakeWorker({ handleSignals: true });
    await worker.start();
    engine.inFlight = 1;
    signal('SIGTERM');
    await worker.waitFor('stopping.draining');
    expect(engine.released).toBeUndefined();
    signal('SIGINT');
    await worker.finished;
    expect(engine.released?.reason.message).toContain('SIGTERM');
  });

  test('a worker that ends in error sets the exit code to 1', async () => {
    const onShutdown = () => Promise.reject(new Error('no'));
    const { worker } = fakeWorker({ handleSignals: true, hooks: { onShutdown } });
    await worker.start();
    signal('SIGTERM');
    await expect(worker.finished).rejects.toBeInstanceOf(AggregateError);
    expect(process.exitCode).toBe(1);
  });

  test.each<Signal>(['SIGHUP', 'SIGUSR1'])(
    '%s reloads what reload returns, and what is refused is told',
    async (name) => {
      const answers: object[] = [{ concurrency: 7 }, { tags: ['gpu'] }];
      const reload = () => answers.shift() ?? Promise.reject(new Error('no file'));
      const { worker, engine } = fakeWorker({ handleSignals: { reload } });
      const told: string[] = [];
      worker.on('error', ({ message }) => told.push(message));
      await worker.start();
      for (let i = 0; i < 3; i++) signal(name);
      await expect.poll(() => told.length).toBe(2);
      expect(engine.changes).toEqual([{ concurrency: 7 }]);
      expect(told).toEqual(expect.arrayContaining([expect.stringContaining('tags'), 'no file']));
      expect(worker.state).toBe('running');
      await worker.stop();
    },
  );

  test('without anything to reload SIGHUP changes nothing and ends nothing', async () => {
    const { worker, engine } = fakeWorker({ handleSignals: true });
    await worker.start();
    signal('SIGHUP');
    expect(worker.state).toBe('running');
    expect(engine.changes).toEqual([]);
    await worker.stop();
  });
});

test('without handleSignals the process is left alone', async () => {
  const { worker } = fakeWorker();
  await worker.start();
  expect(SIGNALS.map((one) => added(one).length)).toEqual([0, 0, 0, 0]);
  await worker.stop();
});
