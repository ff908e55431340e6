import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Hook } from '../../../src/runtime/hooks.js';
import { CheckFailedError, StartupTimeoutError, WorkerStoppedError } from '../../../src/runtime/worker-errors.js';
import { hangs, rejection, through } from '../../support/fake-time.js';
import { allHooks, fakeWorker } from '../../support/fake-worker.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What each step of a start does, and what a stop does about it. */
const LIFE: readonly (readonly [step: string, does: string, undone: readonly string[]])[] = [
  ['beforeStart', 'beforeStart', ['afterStop']],
  ['database', 'define', []],
  ['broker', 'reachBroker', []],
  ['topology', 'learnQueues', []],
  ['onStartup', 'onStartup', ['onShutdown 2', 'onShutdown 1', 'cleanup']],
  ['checking', 'probe', []],
  ['registering', 'register', ['close']],
  ['consuming', 'consume', ['quiesce', 'drain', 'release', 'flush']],
  ['afterStart', 'afterStart', ['beforeStop']],
];
/** The last to come is the first to go; but a worker stays registered until its hooks are through. */
const UNDOING = ['afterStart', 'consuming', 'onStartup', 'registering', 'beforeStart'];

/** A worker whose step fails, and whose undoing fails as well where `undoing` says so. */
function failingAt(step: string, undoing = false) {
  const log: string[] = [];
  const hooks = allHooks(log);
  const broken = (name: string) => () => {
    log.push(name);
    throw new Error(name);
  };
  const bad = {
    beforeStop: broken('beforeStop'),
    onShutdown: [broken('onShutdown 1'), broken('onShutdown 2')],
    onStartup: [hooks.onStartup[0], () => broken('cleanup')] as Hook[],
    afterStop: broken('afterStop'),
  };
  const last = hooks[step as 'beforeStart' | 'onStartup' | 'afterStart'];
  const startHooks = last === undefined ? {} : { [step]: broken(LIFE.find(([name]) => name === step)?.[1] as string) };
  const made = fakeWorker({ hooks: { ...hooks, ...(undoing ? bad : {}), ...startHooks } }, log);
  const verb = LIFE.find(([name]) => name === step)?.[1] as keyof typeof made.engine.does;
  const fails = (name: string) => () => Promise.reject(new Error(name));
  if (last === undefined) made.engine.does[verb] = fails(verb);
  if (undoing)
    for (const name of ['quiesce', 'drain', 'release', 'flush', 'close'] as const) made.engine.does[name] = fails(name);
  return made;
}

/** What undoing does when a start fails at a step: everything before it, and what it may have half done itself. */
function undoneAfter(step: string): string[] {
  const failed = LIFE.findIndex(([name]) => name === step);
  return UNDOING.flatMap((name) => {
    const i = LIFE.findIndex(([one]) => one === name);
    const [, does, undone] = LIFE[i] as (typeof LIFE)[number];
    const half = i === failed && ['register', 'consume'].includes(does);
    return i < failed || half ? undone : [];
  });
}

describe.each(LIFE.map(([step]) => step))('a start-up that fails at its step %s', (step) => {
  test('undoes exactly the steps before it, in reverse, and rejects with the error', async () => {
    const { worker, log, states } = failingAt(step);
    const failed = LIFE.findIndex(([name]) => name === step);
    const begun = LIFE.slice(0, failed + 1).map(([, does]) => does);
    const error = await rejection(worker.start());
    expect(error.message).toContain((LIFE[failed] as (typeof LIFE)[number])[1]);
    expect(error.cause).toBeUndefined();
    expect(await rejection(worker.finished)).toBe(error);
    expect(log).toEqual([...begun, ...undoneAfter(step)]);
    expect(states).toEqual(['starting', 'stopping', 'error']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('reports its own error first, and what goes wrong while it is undone as the causes', async () => {
    const { worker } = failingAt(step, true);
    const told: string[] = [];
    worker.on('error', (error) => told.push(error.message));
    const error = await rejection(worker.start());
    const causes = error.cause instanceof AggregateError ? error.cause.errors : [error.cause];
    const expected = undoneAfter(step);
    expect(causes.map((cause) => cause?.message)).toEqual(expected.length === 0 ? [undefined] : expected);
    expect(told).toEqual([error.message, ...expected]);
  });
});

describe('a start-up that fails', () => {
  test('in the first of several hooks undoes none of them, in a later one what the others did', async () => {
    const log: string[] = [];
    const onStartup = [() => () => void log.push('cleanup'), () => Promise.reject(new Error('no'))];
    const onShutdown = () => void log.push('onShutdown');
    const { worker } = fakeWorker({ hooks: { onStartup, onShutdown } });
    await rejection(worker.start());
    expect(log.splice(0)).toEqual(['onShutdown', 'cleanup']);
    const { worker: other } = fakeWorker({ hooks: { onStartup: onStartup.reverse(), onShutdown } });
    await rejection(other.start());
    expect(log).toEqual([]);
  });

  test('keeps the cause that its error had', async () => {
    const first = new Error('first', { cause: new Error('its own cause') });
    const { worker, engine } = fakeWorker({ hooks: { afterStart: () => Promise.reject(first) } });
    engine.does.close = () => Promise.reject(new Error('not closed'));
    expect(await rejection(worker.start())).toBe(first);
    const messages = (first.cause as AggregateError).errors.map((error: Error) => error.message);
    expect(messages).toEqual(['its own cause', 'not closed']);
  });

  test('because a critical check is failing says which; another one only degrades the worker', async () => {
    const check = () => Promise.reject(new Error('no licence'));
    const { worker, log } = fakeWorker({ checks: [{ name: 'licence', check }] });
    const error = await rejection(worker.start());
    expect(error).toBeInstanceOf(CheckFailedError);
    expect(error.message).toContain('licence is failing (no licence)');
    expect(log).not.toContain('register');
    const { worker: other } = fakeWorker({ checks: [{ name: 'licence', check, critical: false }] });
    await through(other.start());
    expect(other.detail).toBe('running.degraded');
    await through(other.stop());
  });

  test('because it takes too long, all in all, is given up after startupTimeout', async () => {
    const log: string[] = [];
    const { worker, engine } = fakeWorker({ hooks: allHooks(log), startupTimeout: '5s' }, log);
    engine.does.register = hangs;
    const started = performance.now();
    const error = await rejection(worker.start());
    expect(error).toBeInstanceOf(StartupTimeoutError);
    expect(performance.now() - started).toBeLessThanOrEqual(5_000 + 1_000 + 200);
    expect(log.slice(log.indexOf('register'))).toEqual(['register', ...undoneAfter('registering')]);
    expect(worker.state).toBe('error');
  });

  test.each(['define', 'learnQueues', 'register', 'consume'] as const)(
    'because %s hangs is given up after ten seconds',
    async (verb) => {
      const { worker, engine } = fakeWorker();
      engine.does[verb] = hangs;
      const started = performance.now();
      expect((await rejection(worker.start())).message).toContain('took longer than 10000 ms');
      expect(performance.now() - started).toBeLessThanOrEqual(10_200);
      expect(worker.state).toBe('error');
    },
  );

  test('because a hook hangs is given up after the hook timeout', async () => {
    const { worker } = fakeWorker({ hooks: { onStartup: hangs }, hookTimeout: '2s' });
    const error = await rejection(worker.start());
    expect(error.message).toContain('hook onStartup took longer than 2000 ms');
    expect(worker.state).toBe('error');
  });

  test('never leaves open what opened too late', async () => {
    const { worker, engine } = fakeWorker({ startupTimeout: '1s' });
    let opened = () => {};
    engine.does.register = () =>
      new Promise<void>((resolve) => {
        opened = resolve;
      });
    await rejection(worker.start());
    expect(engine.calls.splice(0)).toEqual(['define', 'reachBroker', 'learnQueues', 'probe', 'register', 'close']);
    opened();
    await vi.advanceTimersByTimeAsync(0);
    expect(engine.calls).toEqual(['close']);
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
    expect(log.slice(log.indexOf('told'))).toEqual(['told', 'onShutdown 2', 'onShutdown 1', 'afterStop']);
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
    engine.does.register = () =>
      new Promise<void>((resolve) => setTimeout(() => resolve(void log.push('registered')), 500));
    worker.start().catch(() => {});
    await worker.waitFor('starting.registering');
    await through(worker.stop());
    expect(log.slice(log.indexOf('register'))).toEqual(['register', 'registered', 'close']);
  });
});
