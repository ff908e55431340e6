import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WorkerStateError, WorkerStoppedError } from '../../../src/runtime/worker-errors.js';
import { hangs, rejection, through } from '../../support/fake-time.js';
import { allHooks, fakeWorker } from '../../support/fake-worker.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a life in good order', () => {
  test('goes in through its steps and hooks and out through their counterparts', async () => {
    const log: string[] = [];
    const { worker, states } = fakeWorker({ hooks: allHooks(log) }, log);
    expect([worker.state, worker.detail]).toEqual(['initializing', 'initializing']);
    await worker.start();
    expect([worker.state, worker.detail]).toEqual(['running', 'running.ready']);
    expect(log.splice(0)).toEqual([
      ...['beforeStart', 'define', 'reachBroker', 'learnQueues', 'onStartup'],
      ...['probe', 'register', 'consume', 'afterStart'],
    ]);
    await worker.stop();
    expect(log).toEqual([
      ...['beforeStop', 'quiesce', 'drain', 'release', 'flush'],
      ...['onShutdown 2', 'onShutdown 1', 'cleanup', 'close', 'afterStop'],
    ]);
    expect(states).toEqual(['starting', 'running', 'stopping', 'stopped']);
    await expect(worker.finished).resolves.toBeUndefined();
  });

  test('tells each change of its state, and what caused it', async () => {
    const { worker } = fakeWorker();
    const told: unknown[] = [];
    worker.on('transition', (transition) => told.push(transition));
    await worker.start();
    await worker.stop();
    expect(told).toEqual([
      { from: 'initializing', to: 'starting', event: 'start.requested' },
      { from: 'starting', to: 'running', event: 'afterStart.done' },
      { from: 'running', to: 'stopping', event: 'stop.requested' },
      { from: 'stopping', to: 'stopped', event: 'unserving.done' },
    ]);
  });

  test('leaves no timer and no listener behind', async () => {
    const checks = [{ name: 'slow', check: hangs, critical: false }];
    const { worker, engine } = fakeWorker({ checks });
    await through(worker.start());
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    engine.fail(5);
    await worker.waitFor('running.recovering');
    await through(worker.stop());
    expect(vi.getTimerCount()).toBe(0);
    expect(engine.listeners).toBe(0);
  });

  test('start() and stop() called twice return the same promise, and the steps run once', async () => {
    const { worker, engine } = fakeWorker();
    const started = worker.start();
    expect(worker.start()).toBe(started);
    await started;
    const stopped = worker.stop();
    expect(worker.stop({ timeout: '1s' })).toBe(stopped);
    await stopped;
    expect(worker.stop()).toBe(stopped);
    expect(engine.calls.filter((call) => call === 'register' || call === 'close')).toEqual(['register', 'close']);
  });

  test('a worker that never started stops at once, and can not be started any more', async () => {
    const { worker, engine } = fakeWorker();
    await worker.stop();
    expect(worker.state).toBe('stopped');
    expect(engine.calls).toEqual([]);
    await expect(worker.start()).rejects.toBeInstanceOf(WorkerStateError);
  });

  test('tells the tasks that end in it', async () => {
    const { worker, engine } = fakeWorker();
    const told: unknown[] = [];
    worker.on('task', (event) => told.push(event));
    const task = {
      runId: 'r',
      workflow: 'w',
      taskId: 't',
      path: '/0',
      attempt: 1,
      outcome: 'completed',
      durationMs: 1,
    } as const;
    engine.end(task);
    expect(told).toEqual([task]);
  });

  test('a listener that throws stops neither the others nor the worker', async () => {
    const { worker, states } = fakeWorker();
    worker.on('transition', () => {
      throw new Error('listener');
    });
    await worker.start();
    await worker.stop();
    expect(states).toEqual(['starting', 'running', 'stopping', 'stopped']);
  });
});

describe('a stop', () => {
  test('lets tasks finish within its budget, and then hands nothing back that is done', async () => {
    const { worker, engine } = fakeWorker();
    await worker.start();
    engine.inFlight = 3;
    const stopped = worker.stop();
    await worker.waitFor('stopping.draining');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(worker.detail).toBe('stopping.draining');
    engine.inFlight = 0;
    await vi.advanceTimersByTimeAsync(300);
    await stopped;
    expect(worker.state).toBe('stopped');
  });

  test('hands back what is still running when the time for tasks is over, four fifths of it', async () => {
    const { worker, engine } = fakeWorker({ shutdownTimeout: '10s' });
    await worker.start();
    engine.inFlight = 1;
    const before = performance.now();
    await through(worker.stop({ reason: 'deploy' }));
    expect(performance.now() - before).toBeGreaterThanOrEqual(8_000);
    expect(performance.now() - before).toBeLessThan(8_500);
    expect(engine.released?.reason).toBeInstanceOf(WorkerStoppedError);
    expect(engine.released?.reason.message).toContain('deploy');
  });

  test('keeps to its budget although every step and every hook hangs', async () => {
    const { worker, engine } = fakeWorker({
      shutdownTimeout: '25s',
      hooks: { beforeStop: hangs, onShutdown: [hangs, hangs], afterStop: hangs },
    });
    await worker.start();
    engine.inFlight = 1;
    engine.does.quiesce = hangs;
    engine.does.release = hangs;
    engine.does.close = hangs;
    const before = performance.now();
    const error = await rejection(worker.stop());
    expect(performance.now() - before).toBeLessThanOrEqual(25_500);
    expect((error as AggregateError).errors).toHaveLength(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('with a timeout of 0 waits for no task, and its hooks still run', async () => {
    const log: string[] = [];
    const quick = () => new Promise<void>((resolve) => setTimeout(() => resolve(void log.push('hook')), 700));
    const { worker, engine } = fakeWorker({ hooks: { onShutdown: quick } });
    await worker.start();
    engine.inFlight = 1;
    const before = performance.now();
    await through(worker.stop({ timeout: 0 }));
    expect(performance.now() - before).toBeLessThanOrEqual(1_000);
    expect(log).toEqual(['hook']);
    expect(engine.released).toBeDefined();
  });

  test('that is asked for again with a timeout of 0 waits no longer', async () => {
    const { worker, engine } = fakeWorker();
    await worker.start();
    engine.inFlight = 1;
    const stopped = worker.stop();
    await worker.waitFor('stopping.draining');
    const before = performance.now();
    expect(worker.stop({ timeout: 0 })).toBe(stopped);
    await through(stopped);
    expect(performance.now() - before).toBeLessThanOrEqual(300);
    expect(worker.state).toBe('stopped');
  });

  test('in which hooks throw runs all of them, and then ends in error with an AggregateError', async () => {
    const log: string[] = [];
    const fails = (message: string) => () => {
      log.push(message);
      throw new Error(message);
    };
    const { worker, states } = fakeWorker({
      hooks: {
        beforeStop: fails('a'),
        onStartup: () => fails('d'),
        onShutdown: [fails('c'), fails('b')],
        afterStop: fails('e'),
      },
    });
    await worker.start();
    const error = await rejection(worker.stop());
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors.map(({ message }: Error) => message)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(log).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await rejection(worker.finished)).toBe(error);
    expect(states).toEqual(['starting', 'running', 'stopping', 'error']);
  });

  test('in which the engine fails closes everything all the same', async () => {
    const { worker, engine } = fakeWorker();
    await worker.start();
    engine.does.quiesce = () => Promise.reject(new Error('no channel'));
    engine.does.release = () => Promise.reject(new Error('no answer'));
    const error = await rejection(worker.stop());
    expect((error as AggregateError).errors.map(({ message }: Error) => message)).toEqual(['no channel', 'no answer']);
    expect(engine.calls.at(-1)).toBe('close');
  });
});

describe('waitFor', () => {
  test('resolves at a word or a path, at once where it is there already', async () => {
    const { worker } = fakeWorker();
    await worker.waitFor('initializing');
    const stopped = worker.waitFor('stopped');
    await worker.start();
    await worker.waitFor('running.ready');
    await worker.stop();
    await stopped;
  });

  test('rejects when the worker ends otherwise', async () => {
    const { worker } = fakeWorker();
    const running = worker.waitFor('running');
    await worker.stop();
    await expect(running).rejects.toBeInstanceOf(WorkerStateError);
    await expect(worker.waitFor('running')).rejects.toBeInstanceOf(WorkerStateError);
  });
});
