import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import type { HealthCheck } from '../../../../src/runtime/health.js';
import { ask } from '../../../support/ask.js';
import { eventually } from '../../../support/eventually.js';
import { type FakeWorker, fakeWorker } from '../../../support/fake-worker.js';

const http = { port: 0 };
const PROBES = ['/livez', '/readyz', '/startupz'];

/** What the three probes say: status by status. */
async function probed({ worker }: Pick<FakeWorker, 'worker'>): Promise<number[]> {
  return (await Promise.all(PROBES.map((path) => ask(worker.http?.url, path)))).map(({ status }) => status);
}

describe('the probes', () => {
  test('see the whole life: starting, running, and draining, during which it stays alive', async () => {
    const seen: Record<string, number[]> = {};
    const note = async () => {
      seen[fake.worker.detail] = await probed(fake);
    };
    const hooks = {
      beforeStart: note,
      onStartup: note,
      afterStart: note,
      beforeStop: note,
      onShutdown: note,
      afterStop: note,
    };
    const fake = fakeWorker({ http, hooks });
    expect(fake.worker.http).toBeUndefined();
    fake.engine.does.drain = note;
    await fake.worker.start();
    await note();
    const url = fake.worker.http?.url as string;
    await fake.worker.stop();
    expect(seen).toEqual({
      'starting.beforeStart': [200, 503, 503],
      'starting.onStartup': [200, 503, 503],
      'starting.afterStart': [200, 503, 503],
      'running.ready': [200, 200, 200],
      'stopping.beforeStop': [200, 503, 200],
      'stopping.draining': [200, 503, 200],
      'stopping.onShutdown': [200, 503, 200],
      'stopping.afterStop': [200, 503, 200],
    });
    expect(fake.worker.http).toBeUndefined();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  test('say why not, with the state and the checks', async () => {
    let bank = 'fine';
    const check: HealthCheck = {
      name: 'bank',
      interval: 10,
      check: () => {
        if (bank !== 'fine') throw new Error(bank);
      },
    };
    const { worker } = fakeWorker({ http, checks: [check] });
    await worker.start();
    const ready = () => ask(worker.http?.url, '/readyz');
    await eventually(async () =>
      expect(await ready()).toMatchObject({ status: 200, body: { ok: true, checks: { bank: { ok: true } } } }),
    );
    bank = 'closed';
    await eventually(async () =>
      expect(await ready()).toMatchObject({
        status: 503,
        body: {
          ok: false,
          reason: 'check bank is failing: closed',
          state: 'running',
          status: 'failing',
          checks: { bank: { ok: false, critical: true, error: 'closed' } },
        },
      }),
    );
    await worker.stop();
  });

  test('a failing check that is not critical leaves it ready, and says so', async () => {
    const { worker } = fakeWorker({
      http,
      checks: [{ name: 'cache', critical: false, check: () => Promise.reject(new Error('cold')) }],
    });
    await worker.start();
    await worker.waitFor('running.degraded');
    expect(await ask(worker.http?.url, '/readyz')).toMatchObject({
      status: 200,
      body: { detail: 'running.degraded', status: 'degraded', checks: { cache: { error: 'cold' } } },
    });
    await worker.stop();
  });

  test('a paused worker and one that recovers are alive and not ready', async () => {
    const { worker, engine } = fakeWorker({ http });
    await worker.start();
    await worker.pause();
    expect(await probed({ worker })).toEqual([200, 503, 200]);
    expect(await ask(worker.http?.url, '/readyz')).toMatchObject({ body: { reason: 'it is running.paused' } });
    await worker.resume();
    expect(await probed({ worker })).toEqual([200, 200, 200]);
    engine.does.probe = () => Promise.reject(new Error('away'));
    engine.fail(5);
    await worker.waitFor('running.recovering');
    expect(await probed({ worker })).toEqual([200, 503, 200]);
    await worker.stop();
  });

  test('an event loop that stood still too long is not alive, until ten seconds later', async () => {
    const { worker } = fakeWorker({ http: { port: 0, maxLoopLag: '300ms' } });
    await worker.start();
    expect(await ask(worker.http?.url, '/livez')).toMatchObject({ status: 200 });
    const until = performance.now() + 900;
    while (performance.now() < until);
    const { status, body } = await ask(worker.http?.url, '/livez');
    expect(status).toBe(503);
    expect(body.reason).toMatch(/^the event loop stood still for \d+ ms$/);
    expect(body.loopLagMs).toBeGreaterThan(300);
    await worker.stop();
  });
});

describe('the server', () => {
  test('listens on loopback only, unless it is told otherwise', async () => {
    const { worker } = fakeWorker({ http });
    await worker.start();
    expect(worker.http?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await worker.stop();
    const open = fakeWorker({ http: { host: '::1', port: 0 } }).worker;
    await open.start();
    expect(open.http?.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    await open.stop();
  });

  test('whose port is taken fails the start, with what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const { worker, log } = fakeWorker({ http: { port }, hooks: { beforeStart: () => void log.push('never') } });
    await expect(worker.start()).rejects.toThrow(ConfigError);
    await expect(worker.finished).rejects.toThrow(`http: can't listen at 127.0.0.1:${port} (EADDRINUSE)`);
    expect(log).toEqual([]);
    other.close();
  });

  test('is closed when the start fails', async () => {
    let url: string | undefined;
    const { worker } = fakeWorker({
      http,
      hooks: {
        onStartup: ({ worker: self }) => {
          url = (self as typeof worker).http?.url;
          throw new Error('no licence');
        },
      },
    });
    await expect(worker.start()).rejects.toThrow('no licence');
    expect(url).toBeDefined();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  test('answers routes that it is given, and ends streams that are read when it closes', async () => {
    const stream = new PassThrough();
    const { worker } = fakeWorker({ http }, [], {
      routes: [
        { path: '/page', answer: ({ headers }) => ({ type: 'text/html; charset=utf-8', body: `<p>${headers.host}` }) },
        { path: '/stream', answer: () => ({ type: 'text/event-stream', body: stream }) },
        { path: '/broken', answer: () => Promise.reject(new Error('a secret')) },
      ],
    });
    await worker.start();
    const url = worker.http?.url as string;
    const page = await fetch(`${url}/page`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toBe(`<p>${new URL(url).host}`);
    const broken = await ask(url, '/broken');
    expect(broken).toEqual({ status: 500, body: { error: 'it failed; the log says why' } });
    expect((await ask(url, '/nowhere')).status).toBe(404);
    stream.write('data: 1\n\n');
    const read = await fetch(`${url}/stream`);
    await worker.stop();
    await expect(read.text()).rejects.toThrow();
    expect(stream.destroyed).toBe(true);
  });
});
