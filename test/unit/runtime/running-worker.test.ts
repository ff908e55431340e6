import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { Worker, type WorkerServices } from '../../../src/runtime/worker.js';
import { WorkerStateError } from '../../../src/runtime/worker-errors.js';
import type { WorkerOptions } from '../../../src/runtime/worker-options.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { fakeWorker, workflow } from '../../support/fake-worker.js';
import { silent } from '../../support/silent.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function running(options: Partial<WorkerOptions> = {}) {
  // Back-offs are as long as they can be.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const made = fakeWorker(options);
  await made.worker.start();
  await vi.advanceTimersByTimeAsync(0);
  made.log.splice(0);
  return made;
}

describe('the breaker', () => {
  test('pauses consumption after five failures in a row, probes after a quarter of a second, and resumes by itself', async () => {
    const { worker, engine, log, states } = await running();
    engine.fail(4);
    await vi.advanceTimersByTimeAsync(0);
    expect(worker.detail).toBe('running.ready');
    engine.fail();
    await vi.advanceTimersByTimeAsync(0);
    expect(worker.detail).toBe('running.recovering');
    expect(log).toEqual(['quiesce']);
    await vi.advanceTimersByTimeAsync(249);
    expect(log).toEqual(['quiesce']);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(['quiesce', 'probe', 'consume']);
    expect(worker.detail).toBe('running.ready');
    expect(states).toEqual(['starting', 'running']);
    await worker.stop();
  });

  test('stays open while probes fail, for 250, 500, 1,000, 1,500 ms …', async () => {
    const { worker, engine, log } = await running();
    engine.does.probe = () => Promise.reject(new Error('refused'));
    engine.fail(5);
    await vi.advanceTimersByTimeAsync(4_749);
    expect(log).toEqual(['quiesce', 'probe', 'probe', 'probe', 'probe']);
    engine.does.probe = () => {};
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(['quiesce', 'probe', 'probe', 'probe', 'probe', 'probe', 'consume']);
    expect(worker.detail).toBe('running.ready');
    await worker.stop();
  });

  test('opens again when consuming fails although the probe succeeded', async () => {
    const { worker, engine, log } = await running();
    engine.does.consume = () => Promise.reject(new Error('no queues'));
    engine.fail(5);
    await vi.advanceTimersByTimeAsync(250);
    expect(worker.detail).toBe('running.recovering');
    expect(log).toEqual(['quiesce', 'probe', 'consume', 'quiesce']);
    engine.does.consume = () => {};
    await vi.advanceTimersByTimeAsync(500);
    expect(worker.detail).toBe('running.ready');
    await worker.stop();
  });

  test('opens at once when the connection to the broker is lost, and closes when it is back', async () => {
    const { worker, engine, log } = await running();
    engine.does.probe = () => Promise.reject(new Error('refused'));
    engine.lose();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(worker.detail).toBe('running.recovering');
    expect((await worker.health()).status).toBe('failing');
    engine.does.probe = () => {};
    engine.recover();
    await vi.advanceTimersByTimeAsync(0);
    expect(worker.detail).toBe('running.ready');
    expect((await worker.health()).status).toBe('ok');
    expect(log).toContain('consume');
    await worker.stop();
  });

  test('never opens for tasks that fail', async () => {
    const { worker, engine } = await running();
    for (let i = 0; i < 20; i++) {
      engine.end({ runId: 'r', workflow: 'w', taskId: 't', path: '/0', attempt: i, outcome: 'failed', durationMs: 1 });
    }
    await vi.advanceTimersByTimeAsync(0);
    expect(worker.detail).toBe('running.ready');
    await worker.stop();
  });

  test('does not keep a worker from stopping', async () => {
    const { worker, engine } = await running();
    engine.does.probe = () => new Promise(() => {});
    engine.fail(5);
    await vi.advanceTimersByTimeAsync(1_500);
    const stopped = worker.stop();
    await vi.advanceTimersByTimeAsync(100);
    await stopped;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('each failure is told to the listeners of errors', async () => {
    const { worker, engine } = await running();
    const told: string[] = [];
    worker.on('error', ({ message }) => told.push(message));
    engine.fail(2);
    expect(told).toEqual(['connection refused', 'connection refused']);
    await worker.stop();
  });
});

describe('pause and resume', () => {
  test('stop and start consumption, as often as they are asked for', async () => {
    const { worker, engine, log } = await running();
    await Promise.all([worker.pause(), worker.pause()]);
    expect([worker.detail, engine.consuming]).toEqual(['running.paused', false]);
    await worker.pause();
    await Promise.all([worker.resume(), worker.resume()]);
    await worker.resume();
    expect([worker.detail, engine.consuming]).toEqual(['running.ready', true]);
    expect(log).toEqual(['quiesce', 'consume']);
    await worker.stop();
  });

  test('never overlap: a resume waits until the pause is through', async () => {
    const { worker, engine, log } = await running();
    engine.does.quiesce = () =>
      new Promise<void>((resolve) => setTimeout(() => resolve(void log.push('quiesced')), 500));
    const overtaken = worker.pause().catch((error: unknown) => error);
    const resuming = worker.resume();
    await vi.advanceTimersByTimeAsync(500);
    await resuming;
    expect(log).toEqual(['quiesce', 'quiesced', 'consume']);
    expect(await overtaken).toBeInstanceOf(WorkerStateError);
    await Promise.all([worker.stop(), vi.advanceTimersByTimeAsync(1_000)]);
  });

  test('a worker that was paused while the breaker was open stays paused when it closes', async () => {
    const { worker, engine, log } = await running();
    engine.fail(5);
    await vi.advanceTimersByTimeAsync(0);
    await worker.pause();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(worker.detail).toBe('running.paused');
    expect(log).toEqual(['quiesce', 'probe']);
    await worker.resume();
    expect(worker.detail).toBe('running.ready');
    await worker.stop();
  });

  test('a paused worker stops like any other', async () => {
    const { worker, log } = await running();
    await worker.pause();
    await worker.stop();
    expect(log).toEqual(['quiesce', 'quiesce', 'drain', 'release', 'flush', 'close']);
  });

  test('are refused unless it is running', async () => {
    const { worker } = fakeWorker();
    await expect(worker.pause()).rejects.toBeInstanceOf(WorkerStateError);
    await worker.start();
    await worker.stop();
    await expect(worker.resume()).rejects.toBeInstanceOf(WorkerStateError);
  });
});

describe('health', () => {
  test('a failing check shows as running.degraded and leaves by itself; work goes on', async () => {
    let bad = false;
    const check = () => {
      if (bad) throw new Error('cache is cold');
    };
    const { worker, engine } = await running({ checks: [{ name: 'cache', check, critical: false, interval: '1s' }] });
    bad = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([worker.detail, worker.state, engine.consuming]).toEqual(['running.degraded', 'running', true]);
    expect(await worker.health()).toMatchObject({
      status: 'degraded',
      checks: { cache: { ok: false, error: 'cache is cold' } },
    });
    bad = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(worker.detail).toBe('running.ready');
    await worker.stop();
  });

  test('the services are a critical check of their own', async () => {
    const { worker, engine } = await running();
    expect(await worker.health()).toMatchObject({ status: 'ok', checks: { services: { ok: true, critical: true } } });
    engine.does.probe = () => Promise.reject(new Error('refused'));
    expect((await worker.health()).status).toBe('failing');
    expect(worker.detail).toBe('running.degraded');
    await worker.stop();
  });

  test('what was found failing before it ran shows as soon as it runs', async () => {
    const check = () => {
      throw new Error('cold');
    };
    const { worker } = fakeWorker({ checks: [{ name: 'cache', check, critical: false, interval: 0 }] });
    expect((await worker.health()).status).toBe('degraded');
    await worker.start();
    expect(worker.detail).toBe('running.degraded');
    await worker.stop();
  });
});

describe('reload', () => {
  test('changes what the engine takes live, and only that which differs', async () => {
    const { worker, engine } = await running({ concurrency: 5 });
    await worker.reload({ concurrency: 20, leaseTtl: '10s', agingInterval: '5m', prefetch: 7 });
    expect(engine.changes).toEqual([{ concurrency: 20, prefetch: 7, leaseTtlMs: 10_000 }]);
    await worker.reload({ concurrency: 20 });
    expect(engine.changes).toHaveLength(1);
    await worker.stop();
  });

  test('changes the time of a stop and the intervals of checks', async () => {
    let asked = 0;
    const { worker, engine } = await running({ checks: [{ name: 'a', check: () => void asked++, interval: '1h' }] });
    await worker.reload({ shutdownTimeout: '5s', checkIntervals: { a: '100ms' } });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toBe(11);
    engine.inFlight = 1;
    const before = performance.now();
    const stopped = worker.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    await stopped;
    expect(performance.now() - before).toBeLessThanOrEqual(5_000);
  });

  test.each<[string, object]>([
    ['tags', { tags: ['gpu'] }],
    ['id', { id: 'other' }],
    ['workflows', { workflows: [] }],
    ['hooks', { hooks: { onStartup: () => {} } }],
    ['startupTimeout', { startupTimeout: '1s' }],
    ['colour', { colour: 'red' }],
    ['concurrency', { concurrency: 0 }],
    ['leaseTtl', { leaseTtl: 'soon' }],
    ['agingInterval', { agingInterval: '10ms' }],
    ['logLevel', { logLevel: 'loud' }],
    ['nobody', { checkIntervals: { nobody: '1s' } }],
    ['checkIntervals.services', { checkIntervals: { services: -1 } }],
  ])('refuses %s by name, and nothing is applied', async (name, refused) => {
    const { worker, engine } = await running();
    const reloading = worker.reload({ concurrency: 20, ...refused } as object);
    const error = await reloading.catch((e: unknown) => e as Error);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(name);
    expect(engine.changes).toEqual([]);
    await worker.stop();
  });

  test('takes a whole configuration in which only what may change has changed', async () => {
    const { worker, engine } = await running({ tags: ['gpu'], id: 'one' });
    await worker.reload({ tags: ['gpu'], id: 'one', concurrency: 3 } as object);
    expect(engine.changes).toEqual([{ concurrency: 3 }]);
    await worker.stop();
  });

  test('sets the level of the logger, and refuses where there are none', async () => {
    const logger = { ...silent, level: 'info' };
    const services = { logger: { ...silent, child: () => logger }, namespace: 'default' } as unknown as WorkerServices;
    const worker = new Worker({ workflows: [workflow], logLevel: 'warn' }, services, () => new FakeEngine());
    expect(logger.level).toBe('warn');
    await worker.reload({ logLevel: 'debug' });
    expect(logger.level).toBe('debug');
    const { worker: mute } = fakeWorker();
    await expect(mute.reload({ logLevel: 'debug' })).rejects.toThrow('logLevel');
  });

  test('gives back what it had by itself where an option is undefined again', async () => {
    let asked = 0;
    const logger = { ...silent, level: 'warn' };
    const services = {
      logger: { ...silent, level: 'info', child: () => logger },
      namespace: 'default',
    } as unknown as WorkerServices;
    const engine = new FakeEngine();
    const checks = [{ name: 'a', check: () => void asked++, interval: '1h' }];
    const options = { workflows: [workflow], checks, concurrency: 5, logLevel: 'warn' } as const;
    const worker = new Worker(options, services, () => engine);
    await worker.start();
    await worker.reload({ checkIntervals: { a: '100ms' } });
    await worker.reload({ concurrency: undefined, logLevel: undefined, checkIntervals: { a: undefined } } as object);
    expect(engine.changes).toEqual([{ concurrency: 10 }]);
    expect(logger.level).toBe('info');
    asked = 0;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(0);
    await worker.stop();
  });

  test('rolls everything back when the engine refuses', async () => {
    const logger = { ...silent, level: 'info' };
    const services = { logger: { ...silent, child: () => logger }, namespace: 'default' } as unknown as WorkerServices;
    const engine = new FakeEngine();
    const told: object[] = [];
    engine.reconfigure = (changes) => {
      told.push(changes);
      if (changes.concurrency === 20) throw new Error('no');
    };
    const worker = new Worker({ workflows: [workflow], concurrency: 5 }, services, () => engine);
    await expect(worker.reload({ concurrency: 20, logLevel: 'debug' })).rejects.toBeInstanceOf(ConfigError);
    expect(told).toEqual([{ concurrency: 20 }, { concurrency: 5 }]);
    expect(logger.level).toBe('info');
  });

  test('is refused once it stops', async () => {
    const { worker } = await running();
    await worker.stop();
    await expect(worker.reload({ concurrency: 3 })).rejects.toBeInstanceOf(WorkerStateError);
  });
});
