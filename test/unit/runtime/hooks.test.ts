import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HookRunner, type HookRunnerOptions, type Hooks } from '../../../src/runtime/hooks.js';
import { TimeLimitError } from '../../../src/runtime/time-limit.js';
import { silent } from '../../support/silent.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;
const plenty = () => 60_000;

/** Real time goes on in steps of its own while `work` waits. */
async function through<T>(work: Promise<T>): Promise<T> {
  await vi.runAllTimersAsync();
  return work;
}

function runner(hooks: Hooks, options: Partial<HookRunnerOptions> = {}) {
  const late: unknown[] = [];
  const given = {
    hooks,
    timeoutMs: 10_000,
    worker: { id: 'w' },
    logger: silent,
    onLateError: (e: unknown) => late.push(e),
  };
  return { late, hooks: new HookRunner({ ...given, ...options } as HookRunnerOptions) };
}

const takes = (ms: number, log: string[], name: string) => () =>
  new Promise<void>((resolve) => setTimeout(() => resolve(void log.push(name)), ms));

describe('hooks of a start', () => {
  test('run one after the other, in order', async () => {
    const log: string[] = [];
    const { hooks } = runner({ onStartup: [takes(300, log, 'a'), takes(200, log, 'b'), takes(100, log, 'c')] });
    await through(hooks.start('onStartup', never));
    expect(log).toEqual(['a', 'b', 'c']);
  });

  test('a single one needs no list, and none at all is fine', async () => {
    const log: string[] = [];
    const { hooks } = runner({ beforeStart: () => void log.push('a') });
    await hooks.start('beforeStart', never);
    await hooks.start('afterStart', never);
    expect(log).toEqual(['a']);
  });

  test('the first that throws ends them, with its error', async () => {
    const log: string[] = [];
    const broken = new Error('no cache');
    const fails = () => {
      throw broken;
    };
    const { hooks } = runner({ onStartup: [takes(1, log, 'a'), fails, takes(1, log, 'c')] });
    await expect(
      through(Promise.all([hooks.start('onStartup', never).catch((error: unknown) => error)])),
    ).resolves.toEqual([broken]);
    expect(log).toEqual(['a']);
  });

  test('one that hangs has failed after its timeout, and its signal is aborted', async () => {
    let signal: AbortSignal | undefined;
    const hangs = (context: { signal: AbortSignal }) => {
      signal = context.signal;
      return new Promise<void>(() => {});
    };
    const { hooks } = runner({ onStartup: [() => {}, hangs] });
    const started = hooks.start('onStartup', never).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const error = await started;
    expect(error).toBeInstanceOf(TimeLimitError);
    expect((error as Error).message).toContain('hook onStartup[1]');
    expect(signal?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('interrupted, one has a second to end by itself, and none starts after it', async () => {
    const log: string[] = [];
    const control = new AbortController();
    const polite = ({ signal }: { signal: AbortSignal }) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 999)));
    const { hooks } = runner({ onStartup: [polite, takes(1, log, 'b')] });
    const started = hooks.start('onStartup', control.signal).catch((error: unknown) => error);
    control.abort(new Error('stop'));
    expect(await through(started)).toEqual(new Error('stop'));
    expect(log).toEqual([]);
  });
});

describe('hooks of a stop', () => {
  const failing = (message: string) => () => Promise.reject(new Error(message));

  test('onShutdown runs in reverse order of the list, then the cleanups in reverse', async () => {
    const log: string[] = [];
    const sets = (name: string) => () => () => void log.push(`cleanup ${name}`);
    const { hooks } = runner({
      onStartup: [sets('a'), () => {}, sets('c')],
      onShutdown: [takes(1, log, 'x'), takes(1, log, 'y')],
    });
    await hooks.start('onStartup', never);
    expect(await through(hooks.shutDown(never, plenty))).toEqual([]);
    expect(log).toEqual(['y', 'x', 'cleanup c', 'cleanup a']);
  });

  test('beforeStop and afterStop run in order', async () => {
    const log: string[] = [];
    const { hooks } = runner({ afterStop: [takes(1, log, 'a'), takes(1, log, 'b')] });
    await hooks.start('beforeStart', never);
    expect(await through(hooks.stop('afterStop', never, plenty))).toEqual([]);
    expect(log).toEqual(['a', 'b']);
  });

  test('all of them run whatever one throws, and every error is told', async () => {
    const log: string[] = [];
    const { hooks } = runner({
      onStartup: [() => failing('cleanup'), () => () => void log.push('cleaned')],
      onShutdown: [takes(1, log, 'x'), failing('shutdown'), takes(1, log, 'z')],
    });
    await hooks.start('onStartup', never);
    expect(await through(hooks.shutDown(never, plenty))).toEqual([new Error('shutdown'), new Error('cleanup')]);
    expect(log).toEqual(['z', 'x', 'cleaned']);
  });

  test('none gets more time than the stop has left', async () => {
    const { hooks } = runner({ onShutdown: () => new Promise<void>(() => {}) });
    await hooks.start('onStartup', never);
    const before = Date.now();
    const [error] = await through(hooks.shutDown(never, () => 700));
    expect(error).toBeInstanceOf(TimeLimitError);
    expect(Date.now() - before).toBe(700);
  });

  test('the cleanup of a hook that had come to its end belongs to it, also when a later hook failed', async () => {
    const log: string[] = [];
    const { hooks } = runner({ onStartup: [() => () => void log.push('a undone'), failing('b')] });
    await expect(hooks.start('onStartup', never)).rejects.toThrow('b');
    await hooks.shutDown(never, plenty);
    expect(log).toEqual(['a undone']);
  });
});

describe('a hook that comes to its end when nobody waits for it any more', () => {
  const slow = (cleanup: () => void) => () =>
    new Promise<() => void>((resolve) => setTimeout(() => resolve(cleanup), 15_000));

  test('is undone with the others, if the stop is still to come to that', async () => {
    const log: string[] = [];
    const { hooks } = runner({ onStartup: slow(() => log.push('undone')) });
    const started = hooks.start('onStartup', never).catch(() => log.push('given up'));
    await vi.advanceTimersByTimeAsync(15_000);
    await started;
    expect(log).toEqual(['given up']);
    await hooks.shutDown(never, plenty);
    expect(log).toEqual(['given up', 'undone']);
  });

  test('is undone at once, if the stop is past that', async () => {
    const log: string[] = [];
    const { hooks } = runner({ onStartup: slow(() => log.push('undone')) });
    const started = hooks.start('onStartup', never).catch(() => log.push('given up'));
    await vi.advanceTimersByTimeAsync(10_000);
    await started;
    await hooks.shutDown(never, plenty);
    expect(log).toEqual(['given up']);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(log).toEqual(['given up', 'undone']);
  });

  test('and where undoing it fails, that is told', async () => {
    const broken = new Error('late');
    const { hooks, late } = runner({
      onStartup: slow(() => {
        throw broken;
      }),
    });
    const started = hooks.start('onStartup', never).catch(() => {});
    await vi.advanceTimersByTimeAsync(10_000);
    await started;
    await hooks.shutDown(never, plenty);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(late).toEqual([broken]);
  });
});
