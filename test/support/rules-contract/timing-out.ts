import { expect, test } from 'vitest';
import { TaskTimeoutError } from '../../../src/core/errors.js';
import { flow, task } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function timingOut(rules: Rules): void {
  const lateness: number[] = [];
  const reasons: unknown[] = [];
  const prompt = rules.known(
    flow<number>('prompt')
      .then(
        'hangs',
        (_, { signal }) => {
          const began = performance.now();
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              lateness.push(performance.now() - began - 60);
              reasons.push(signal.reason);
              resolve('late');
            });
          });
        },
        { timeout: 60 },
      )
      .build(),
  );
  test('ends the attempt within 100 ms of its time: the signal fires, and the run fails with TaskTimeoutError', async () => {
    // Of the slower tries, whatever else this process does is a part.
    await eventually(async () => {
      const run = await rules.baton.start(prompt, 1);
      await expect(run.result(soon)).rejects.toMatchObject({
        task: 'hangs',
        attempt: 1,
        cause: { name: 'TaskTimeoutError', code: 'TASK_TIMEOUT' },
      });
      expect(reasons.at(-1)).toBeInstanceOf(TaskTimeoutError);
      expect(lateness.at(-1)).toBeLessThan(100);
    });
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(-2);
  });

  const second = gate();
  const outcomes: string[] = [];
  const late = rules.known(
    flow<number>('late')
      .then(
        task(
          'slow',
          async (_: number, { attempt }) => {
            if (attempt === 2) return 'in time';
            await second.opened;
            return 'late';
          },
          { timeout: 300, retry: { maxRetries: 1, initialDelay: 1 } },
        ),
      )
      .waitForSignal('go')
      .build(),
  );
  test('counts as a failed attempt, which is retried; what the first returns late is discarded', async () => {
    const unsubscribe = rules.worker.on('task', ({ workflow, taskId, outcome }) => {
      if (workflow === 'late' && taskId === 'slow') outcomes.push(outcome);
    });
    const run = await rules.baton.start(late, 1);
    await eventually(async () => expect(await run.taskResult('slow')).toBe('in time'));
    second.open();
    await run.signal('go');
    await run.result(soon);
    expect(await run.taskResult('slow')).toBe('in time');
    expect(outcomes).toEqual(['timed_out', 'completed']);
    unsubscribe();
  });

  const blocks = rules.known(
    flow<number>('blocks')
      .then(
        'busy',
        () => {
          const until = performance.now() + 130;
          while (performance.now() < until);
          return 'late';
        },
        { timeout: 20 },
      )
      .build(),
  );
  test('of a task that blocks the event loop counts as well, once it is back', async () => {
    const run = await rules.baton.start(blocks, 1);
    await expect(run.result(soon)).rejects.toMatchObject({
      cause: { code: 'TASK_TIMEOUT' },
    });
  });

  const patient = rules.known(
    flow<number>('patient-task')
      .then('wait', () => new Promise((resolve) => setTimeout(resolve, 20, 'done')), { timeout: '60d' })
      .build(),
  );
  test('may be longer than timers of Node can be', async () => {
    expect(await (await rules.baton.start(patient, 1)).result(soon)).toBe('done');
  });
}
