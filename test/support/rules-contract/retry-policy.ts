import { expect, test } from 'vitest';
import { RetryAfterError } from '../../../src/core/errors.js';
import { flow, type RetryPolicy, type TaskContext, task } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { type Rules, soon } from './theme.js';

interface Try {
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly key: string;
  readonly at: number;
}

export function retryPolicy(rules: Rules): void {
  /** A workflow of one task that fails until its last attempt is over, or for as often as `failures` says. */
  const failingFlow = (
    name: string,
    retry: number | RetryPolicy | undefined,
    fail = () => new Error('not yet'),
    failures = 99,
  ) => {
    const tries: Try[] = [];
    const flaky = (_: number, { attempt, maxAttempts, idempotencyKey }: TaskContext) => {
      tries.push({ attempt, maxAttempts, key: idempotencyKey, at: Date.now() });
      if (tries.length <= failures) throw fail();
      return attempt;
    };
    const workflow = rules.known(
      flow<number>(name)
        .then(task('flaky', flaky, { retry }))
        .build(),
    );
    return { workflow, tries };
  };
  const gaps = (tries: readonly Try[]) => tries.slice(1).map(({ at }, i) => at - (tries[i] as Try).at);
  /** Timers may be early by the millisecond that they round off. */
  const expectGaps = (tries: readonly Try[], least: readonly number[]) => {
    expect(tries).toHaveLength(least.length + 1);
    gaps(tries).forEach((gap, i) => {
      expect(gap).toBeGreaterThanOrEqual((least[i] as number) - 3);
      expect(gap).toBeLessThan((least[i] as number) + 3_000);
    });
  };

  const growing = failingFlow('growing', { maxRetries: 4, initialDelay: 30, backoffMultiplier: 3, maxDelay: '150ms' });
  test('the nth retry waits initialDelay × multiplier^(n-1), and no longer than maxDelay; after maxRetries the run fails', async () => {
    const run = await rules.baton.start(growing.workflow, 1);
    await expect(run.result(soon)).rejects.toMatchObject({ task: 'flaky', attempt: 5, cause: { message: 'not yet' } });
    expectGaps(growing.tries, [30, 90, 150, 150]);
  });
  test('attempts count from 1, maxAttempts is maxRetries and the first, and the idempotency key stays', async () => {
    const { workflow, tries } = counted;
    expect(await (await rules.baton.start(workflow, 1)).result(soon)).toBe(3);
    expect(tries.map(({ attempt, maxAttempts }) => [attempt, maxAttempts])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(new Set(tries.map(({ key }) => key)).size).toBe(1);
  });
  const counted = failingFlow('counted', { maxRetries: 2, initialDelay: 1 }, undefined, 2);

  const usual = failingFlow('usual', 2);
  test('by default the first retry waits 1 s; meanwhile the run is running, and shows the error', async () => {
    const run = await rules.baton.start(usual.workflow, 1);
    const backingOff = async () => (await run.describe()).nodes[0];
    await eventually(async () =>
      expect(await backingOff()).toMatchObject({ state: 'backing_off', error: { message: 'not yet' } }),
    );
    expect(await run.status()).toEqual({ status: 'running' });
    const waits = ((await backingOff())?.dueAt?.getTime() ?? 0) - (usual.tries[0]?.at ?? 0);
    expect(waits).toBeGreaterThanOrEqual(997);
    expect(waits).toBeLessThan(1_900);
    await run.cancel();
    expect(usual.tries).toHaveLength(1);
  });

  const jittery = failingFlow('jittery', { maxRetries: 3, initialDelay: 60, backoffMultiplier: 1, jitter: 0.5 });
  test('jitter takes off at most its share, and never adds', async () => {
    const runs = await rules.baton.startMany(jittery.workflow, [1]);
    await expect(runs[0]?.result(soon)).rejects.toMatchObject({ attempt: 4 });
    expectGaps(jittery.tries, [30, 30, 30]);
  });

  const impatient = failingFlow(
    'impatient',
    { maxRetries: 2, initialDelay: '1h', maxDelay: '1h' },
    () => new RetryAfterError(40),
  );
  test('a RetryAfterError says how long the next retry waits, and counts as one: with none left the run fails', async () => {
    const run = await rules.baton.start(impatient.workflow, 1);
    await expect(run.result(soon)).rejects.toMatchObject({ attempt: 3, cause: { code: 'RETRY_AFTER' } });
    expectGaps(impatient.tries, [40, 40]);
  });
  const patient = failingFlow('patient', { maxRetries: 1, maxDelay: 1 }, () => new RetryAfterError(80, 'slow down'), 1);
  test('a RetryAfterError may wait longer than maxDelay', async () => {
    expect(await (await rules.baton.start(patient.workflow, 1)).result(soon)).toBe(2);
    expectGaps(patient.tries, [80]);
  });
  const policyless = failingFlow('policyless', undefined, () => new RetryAfterError('1ms'));
  test('no policy means no retry, also after a RetryAfterError', async () => {
    await expect((await rules.baton.start(policyless.workflow, 1)).result(soon)).rejects.toMatchObject({ attempt: 1 });
    expect(policyless.tries).toMatchObject([{ attempt: 1, maxAttempts: 1 }]);
  });
  const none = failingFlow('none', { maxRetries: 0 });
  test('maxRetries 0 means no retry', async () => {
    await expect((await rules.baton.start(none.workflow, 1)).result(soon)).rejects.toMatchObject({ attempt: 1 });
  });

  const failures = new Map<number, number>();
  const each = rules.known(
    flow<number[]>('each-retried')
      .map(
        'each',
        task(
          'element',
          (n: number, { attempt }) => {
            failures.set(n, attempt);
            if (attempt <= n) throw new Error(`${n} not yet`);
            return attempt;
          },
          { retry: { maxRetries: 2, initialDelay: 1 } },
        ),
      )
      .build(),
  );
  test('the retries of an element are its own', async () => {
    expect(await (await rules.baton.start(each, [0, 1, 2])).result(soon)).toEqual([1, 2, 3]);
  });

  const outcomes: string[] = [];
  const watched = failingFlow('watched', { maxRetries: 1, initialDelay: 1 });
  test('the worker tells of each attempt: retrying, then failed', async () => {
    const unsubscribe = rules.worker.on('task', ({ workflow, attempt, outcome }) => {
      if (workflow === 'watched') outcomes.push(`${attempt} ${outcome}`);
    });
    await expect((await rules.baton.start(watched.workflow, 1)).result(soon)).rejects.toThrow(/not yet/);
    await eventually(async () => expect(outcomes).toEqual(['1 retrying', '2 failed']));
    unsubscribe();
  });
}
