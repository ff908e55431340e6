import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Health, HealthMonitor, type ResolvedCheck } from '../../../src/runtime/health.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function check(name: string, ask: ResolvedCheck['check'], options: Partial<ResolvedCheck> = {}): ResolvedCheck {
  const usual = { critical: true, intervalMs: 30_000, timeoutMs: 10_000, failureThreshold: 1, successThreshold: 1 };
  return { name, check: ask, ...usual, ...options };
}

const fine = () => {};
const broken = () => {
  throw new Error('no answer');
};

describe('the status', () => {
  test.each<[string, Health['status'], ResolvedCheck[]]>([
    ['nothing to check', 'ok', []],
    ['all answer', 'ok', [check('a', fine), check('b', fine, { critical: false })]],
    ['one that is not critical fails', 'degraded', [check('a', fine), check('b', broken, { critical: false })]],
    ['a critical one fails', 'failing', [check('a', broken), check('b', fine)]],
    ['both fail', 'failing', [check('a', broken), check('b', broken, { critical: false })]],
  ])('%s: %s', async (_, status, checks) => {
    const health = await new HealthMonitor(checks).look();
    expect(health.status).toBe(status);
    expect(Object.keys(health.checks)).toEqual(checks.map(({ name }) => name));
  });

  test('an answer says when it was asked, how long it took and why it failed', async () => {
    vi.setSystemTime(1_000);
    const slow = () => new Promise<void>((_, reject) => setTimeout(reject, 250, new Error('no answer')));
    const looking = new HealthMonitor([check('a', slow, { critical: false })]).look();
    await vi.advanceTimersByTimeAsync(250);
    const { checks } = await looking;
    expect(checks.a).toEqual({ ok: false, critical: false, error: 'no answer', at: new Date(1_000), durationMs: 250 });
  });
});

describe('a check that hangs', () => {
  test('fails when its time is over, and its signal is aborted', async () => {
    let signal: AbortSignal | undefined;
    const hanging = check('a', (context) => {
      signal = context.signal;
      return new Promise<void>(() => {});
    });
    const looking = new HealthMonitor([hanging]).look();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const { status, checks } = await looking;
    expect(status).toBe('failing');
    expect(checks.a?.error).toContain('10000 ms');
    expect(signal?.aborted).toBe(true);
  });

  test('is not called again before it came to its end, and fails meanwhile', async () => {
    let calls = 0;
    let release = () => {};
    const monitor = new HealthMonitor([
      check('a', () => {
        calls++;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      }),
    ]);
    const first = monitor.look();
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await first).status).toBe('failing');
    expect((await monitor.look()).checks.a?.error).toContain('still');
    expect(calls).toBe(1);
    release();
    await vi.advanceTimersByTimeAsync(0);
    const again = monitor.look();
    release();
    expect((await again).status).toBe('ok');
    expect(calls).toBe(2);
  });
});

test('whoever asks while a check is being asked gets the same answer', async () => {
  let calls = 0;
  const monitor = new HealthMonitor([
    check('a', () => {
      calls++;
      return new Promise((resolve) => setTimeout(resolve, 100));
    }),
  ]);
  const looks = [monitor.look(), monitor.look(), monitor.look()];
  await vi.advanceTimersByTimeAsync(100);
  const [first, ...others] = await Promise.all(looks);
  expect(first?.status).toBe('ok');
  expect(others).toEqual([first, first]);
  expect(calls).toBe(1);
});

describe('over time', () => {
  test('each check is asked at once and then at its own interval, counted from its answer', async () => {
    const asked = { often: 0, seldom: 0 };
    const monitor = new HealthMonitor([
      check('often', () => new Promise<void>((resolve) => setTimeout(() => resolve(void asked.often++), 50)), {
        intervalMs: 100,
      }),
      check('seldom', () => void asked.seldom++, { intervalMs: 1_000 }),
    ]);
    monitor.start();
    await vi.advanceTimersByTimeAsync(449);
    expect(asked).toEqual({ often: 3, seldom: 1 });
    await vi.advanceTimersByTimeAsync(600);
    expect(asked).toEqual({ often: 7, seldom: 2 });
    monitor.stop();
  });

  test('an interval of 0 means that it is only asked by hand', async () => {
    let calls = 0;
    const monitor = new HealthMonitor([check('a', () => void calls++, { intervalMs: 0 })]);
    monitor.start();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(calls).toBe(0);
    await monitor.look();
    expect(calls).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a new interval holds from now on', async () => {
    let calls = 0;
    const monitor = new HealthMonitor([check('a', () => void calls++, { intervalMs: 60_000 })]);
    monitor.start();
    await vi.advanceTimersByTimeAsync(0);
    monitor.setInterval('a', 100);
    await vi.advanceTimersByTimeAsync(300);
    expect(calls).toBe(4);
    monitor.setInterval('a', 0);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(calls).toBe(4);
  });

  test('only changes of the status are told', async () => {
    const told: string[] = [];
    let bad = false;
    const flapping = check('a', () => (bad ? broken() : fine()), { critical: false, intervalMs: 100 });
    const monitor = new HealthMonitor([flapping]);
    monitor.onChange((status) => told.push(status));
    monitor.start();
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual([]);
    bad = true;
    await vi.advanceTimersByTimeAsync(500);
    bad = false;
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual(['degraded', 'ok']);
    monitor.stop();
  });

  test('stopping gives up what is being asked, tells nothing of it, and leaves no timer', async () => {
    const told: string[] = [];
    let aborted = false;
    const hanging = check('a', ({ signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise<void>(() => {});
    });
    const monitor = new HealthMonitor([hanging]);
    monitor.onChange((status) => told.push(status));
    monitor.start();
    await vi.advanceTimersByTimeAsync(100);
    monitor.stop();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(aborted).toBe(true);
    expect(told).toEqual([]);
    expect(monitor.last()).toEqual({ status: 'ok', checks: {} });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a check with thresholds', () => {
  /** What is told after each answer, `x` a failure and `.` a success: `d` degraded, `o` ok, `-` nothing new. */
  async function told(answers: string, failureThreshold: number, successThreshold: number): Promise<string> {
    let at = 0;
    const answer = () => (answers[at++] === 'x' ? broken() : fine());
    const monitor = new HealthMonitor([check('a', answer, { critical: false, failureThreshold, successThreshold })]);
    let news = '-';
    monitor.onChange((status) => {
      news = status[0] as string;
    });
    let all = '';
    for (const _ of answers) {
      news = '-';
      await monitor.look();
      all += news;
    }
    return all;
  }

  test.each([
    ['x.x.', 1, 1, 'dodo'],
    ['xxx..', 3, 1, '--do-'],
    ['xx.xx.xxx', 3, 1, '--------d'],
    ['xx.x..xx', 2, 2, '-d---o-d'],
  ])('%s, %i failures and %i successes needed: %s', async (answers, failures, successes, expected) => {
    expect(await told(answers, failures, successes)).toBe(expected);
  });

  test('says why it failed last, before it counts and until it is trusted again', async () => {
    let bad = true;
    const flapping = check('a', () => (bad ? broken() : fine()), { failureThreshold: 2, successThreshold: 2 });
    const monitor = new HealthMonitor([flapping]);
    const seen: unknown[] = [];
    for (const next of [true, true, false, false]) {
      bad = next;
      const { checks } = await monitor.look();
      seen.push([checks.a?.ok, checks.a?.error]);
    }
    expect(seen).toEqual([
      [true, 'no answer'],
      [false, 'no answer'],
      [false, 'no answer'],
      [true, undefined],
    ]);
  });
});
