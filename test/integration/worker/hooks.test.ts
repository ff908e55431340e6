/** Hooks that go wrong, in a worker process: what the parent of the process sees of it. */
import { describe, expect, test } from 'vitest';
import { ownServices } from '../../support/own-services.js';
import { spawnWorker, startWorker } from '../../support/workers.js';

const services = ownServices('hooks');

const hooksOf = (output: string) => Array.from(output.matchAll(/^hook (\w+)$/gm), ([, name]) => name);
const ALL = ['beforeStart', 'onStartup', 'afterStart', 'beforeStop', 'onShutdown', 'cleanup', 'afterStop'];

/** What is called when a hook of the start goes wrong: what was done is undone. */
const STARTS: Record<string, string[]> = {
  beforeStart: ['beforeStart'],
  onStartup: ['beforeStart', 'onStartup', 'afterStop'],
  afterStart: ['beforeStart', 'onStartup', 'afterStart', 'onShutdown', 'cleanup', 'afterStop'],
};
const STOPS = ['beforeStop', 'onShutdown', 'afterStop'];
const HOWS = ['throws', 'hangs'] as const;
/** The hook's time, and what a busy machine takes to end a process. */
const SOON_MS = 500 + 2_500;

describe.concurrent.each(HOWS)('a hook that %s', (how) => {
  const said = (hook: string) => (how === 'throws' ? `${hook} threw` : `hook ${hook} took longer than 500 ms`);

  test.each(Object.entries(STARTS))(
    'as %s ends the start: what was done is undone, and the process exits with 1',
    async (hook, calls) => {
      const worker = spawnWorker('hooked.mjs', services, [], { HOOK: hook, HOW: how });
      expect(await worker.exited).toBe(1);
      expect(hooksOf(worker.output())).toEqual(calls);
      expect(worker.output()).toMatch(new RegExp(`^baton: .*${said(hook)}.*$`, 'm'));
      expect(worker.output()).not.toContain('worker running');
    },
  );

  test.each(STOPS)('as %s keeps nothing of the stop from being done, and the process exits with 1', async (hook) => {
    const worker = await startWorker('hooked.mjs', services, [], { HOOK: hook, HOW: how });
    const toldAt = performance.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(1);
    expect(performance.now() - toldAt).toBeLessThan(SOON_MS);
    expect(hooksOf(worker.output())).toEqual(ALL);
    expect(worker.output()).toMatch(new RegExp(`^baton: worker .* stopped with errors: .*${said(hook)}.*$`, 'm'));
  });
});
