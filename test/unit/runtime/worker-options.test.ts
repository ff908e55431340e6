import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { LiveOptions } from '../../../src/runtime/live-options.js';
import { resolveOptions, type WorkerOptions } from '../../../src/runtime/worker-options.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { workflow } from '../../support/fake-worker.js';
import { silent } from '../../support/silent.js';

const resolve = (options: object) => resolveOptions({ workflows: [workflow], ...options } as WorkerOptions);

test('every option has its documented default', () => {
  const { id, ...rest } = resolve({});
  expect(id).toMatch(new RegExp(`-${process.pid}-\\d+$`));
  expect(rest).toEqual({
    workflows: [workflow],
    concurrency: 10,
    prefetch: undefined,
    tags: [],
    leaseTtlMs: 30_000,
    agingIntervalMs: 300_000,
    shutdownTimeoutMs: 25_000,
    startupTimeoutMs: 30_000,
    hookTimeoutMs: 10_000,
    handleSignals: false,
    hooks: {},
    checks: [],
    checkIntervals: { services: 30_000 },
    logLevel: undefined,
  });
});

test('two workers of a process have different names', () => {
  expect(resolve({}).id).not.toBe(resolve({}).id);
});

test('a name that was made up stays when options change', () => {
  const live = new LiveOptions({ workflows: [workflow] });
  const { id } = live.now;
  const places = { engine: new FakeEngine(), health: { setInterval() {} }, logger: silent, ownLevel: undefined };
  expect(live.change({ concurrency: 3, leaseTtl: '30s' }, places)).toEqual(['concurrency']);
  expect([live.now.id, live.now.concurrency]).toEqual([id, 3]);
});

test('a check has its documented defaults', () => {
  const check = () => {};
  const [resolved] = resolve({ checks: [{ name: 'a', check }] }).checks;
  expect(resolved).toEqual({
    ...{ name: 'a', check, critical: true, intervalMs: 30_000, timeoutMs: 10_000 },
    ...{ failureThreshold: 1, successThreshold: 1 },
  });
});

const noop = () => {};

describe.each<[string, object[]]>([
  ['workflows', [{ workflows: [] }, { workflows: undefined }, { workflows: ['counting'] }, { workflows: workflow }]],
  ['id', [{ id: '' }, { id: 'x'.repeat(257) }, { id: 7 }]],
  [
    'concurrency',
    [
      { concurrency: 0 },
      { concurrency: 1.5 },
      { concurrency: '10' },
      { concurrency: 10_001 },
      { concurrency: Number.NaN },
    ],
  ],
  ['prefetch', [{ prefetch: 0 }, { prefetch: 65_536 }]],
  [
    'tag',
    [
      { tags: [''] },
      { tags: ['x'.repeat(65)] },
      { tags: 'gpu' },
      { tags: Array.from({ length: 21 }, (_, i) => `t${i}`) },
    ],
  ],
  ['leaseTtl', [{ leaseTtl: 0 }, { leaseTtl: '99ms' }, { leaseTtl: 'soon' }, { leaseTtl: '25d' }]],
  ['agingInterval', [{ agingInterval: '999ms' }]],
  ['shutdownTimeout', [{ shutdownTimeout: -1 }, { shutdownTimeout: '30d' }]],
  ['startupTimeout', [{ startupTimeout: 0 }]],
  ['hookTimeout', [{ hookTimeout: 0 }]],
  ['handleSignals', [{ handleSignals: { reload: 'file' } }, { handleSignals: { relaod: noop } }]],
  ['hooks', [{ hooks: { onStart: noop } }, { hooks: { onStartup: 'go' } }, { hooks: { onShutdown: [noop, 1] } }]],
  [
    'checks',
    [
      { checks: {} },
      { checks: [{ name: 'a' }] },
      { checks: [{ name: '', check: noop }] },
      { checks: [{ name: 'services', check: noop }] },
      {
        checks: [
          { name: 'a', check: noop },
          { name: 'a', check: noop },
        ],
      },
      { checks: [{ name: 'a', check: noop, timeout: 0 }] },
      { checks: [{ name: 'a', check: noop, interval: 'often' }] },
      { checks: [{ name: 'a', check: noop, critcal: false }] },
      { checks: [{ name: 'a', check: noop, failureThreshold: 0 }] },
      { checks: [{ name: 'a', check: noop, successThreshold: 1.5 }] },
    ],
  ],
  [
    'http',
    [
      { http: { port: 65_536 } },
      { http: { port: '9090' } },
      { http: {} },
      { http: { port: 1, host: '' } },
      { http: { port: 1, maxLoopLag: 0 } },
      { http: { port: 1, path: '/health' } },
    ],
  ],
  ['logLevel', [{ logLevel: 'loud' }]],
  ['concurency', [{ concurency: 5 }]],
])('%s', (name, wrong) => {
  test.each(wrong)('%j is refused by name', (options) => {
    const attempt = () => resolve(options);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(name);
  });
});
