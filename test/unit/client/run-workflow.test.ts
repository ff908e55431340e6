import { describe, expect, test } from 'vitest';
import { runWorkflow } from '../../../src/client/run-workflow.js';
import { CodecError, ConfigError, RunCancelledError, RunFailedError } from '../../../src/core/errors.js';
import { branch, flow, LoopResult, task } from '../../../src/core/flow.js';

const plusOne = (n: number) => n + 1;

describe('a workflow in memory', () => {
  test('every kind of node takes part, and delays really elapse', async () => {
    const workflow = flow<number>('all')
      .then('first', plusOne)
      .fork([branch('a', plusOne), branch('b', flow<number>('sub').then('x', plusOne).then('y', plusOne))])
      .join('sum', ([a, b]) => a + b)
      .delay('nap', '60ms')
      .loop('grow', (n: number) => (n > 20 ? LoopResult.done(n) : LoopResult.again(n * 2)))
      .then('list', (n: number) => [n, n + 1, n + 2])
      .map('double', (n: number) => n * 2, { concurrency: 2 })
      .route('size', (list: number[]) => (list.length > 2 ? 'many' : 'few'), ['few', 'many'] as const)
      .branch('few', () => 'few')
      .branch('many', (list: number[]) => list.join('+'))
      .done()
      .build();
    const startedAt = performance.now();
    expect(await runWorkflow(workflow, 1)).toEqual({ branch: 'many', result: '56+58+60' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
  });

  test('a signal that times out moves on', async () => {
    const workflow = flow<number>('quiet').waitForSignal('go', { timeout: '20ms' }).build();
    expect(await runWorkflow(workflow, 1)).toEqual({ timedOut: true });
  });

  test('a signal that nobody could send is an error, not an endless wait', async () => {
    const workflow = flow<number>('stuck').then('first', plusOne).waitForSignal('go').build();
    await expect(runWorkflow(workflow, 1)).rejects.toThrow(ConfigError);
    await expect(runWorkflow(workflow, 1)).rejects.toThrow(/waits for signal go, which nobody can send/);
    const atOnce = flow<number>('stuck-first').waitForSignal('go').build();
    await expect(runWorkflow(atOnce, 1)).rejects.toThrow(ConfigError);
  });

  test('nor is one inside a map whose other elements wait for their turn', async () => {
    const ask = flow<number>('ask').waitForSignal('go');
    const workflow = flow<number[]>('stuck-in-turn').map('each', ask, { concurrency: 1 }).build();
    await expect(runWorkflow(workflow, [1, 2, 3])).rejects.toThrow(/waits for signal go, which nobody can send/);
  });

  test('what a failing attempt said last of its progress is there for the next, without waiting for a heartbeat', async () => {
    const pages = task(
      'pages',
      (_: number, ctx) => {
        if (ctx.attempt === 1) {
          ctx.heartbeat({ page: 1 });
          ctx.heartbeat({ page: 2 });
          throw new Error('no more today');
        }
        return ctx.lastProgress;
      },
      { retry: { maxRetries: 1, initialDelay: 5 } },
    );
    expect(await runWorkflow(flow<number>('paged').then(pages).build(), 1)).toEqual({ page: 2 });
  });

  test("a failing task's error arrives as the cause, after its retries", async () => {
    let attempts = 0;
    const boom = task(
      'boom',
      () => {
        attempts++;
        throw Object.assign(new TypeError('no good'), { code: 'E_BAD' });
      },
      { retry: { maxRetries: 2, initialDelay: 5 } },
    );
    const error: unknown = await runWorkflow(flow<number>('failing').then(boom).build(), 1).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({
      task: 'boom',
      attempt: 3,
      cause: { name: 'TypeError', message: 'no good', code: 'E_BAD' },
    });
    expect(attempts).toBe(3);
  });

  test('aborting it cancels the run, and the task at work is told', async () => {
    const controller = new AbortController();
    let reason: unknown;
    const workflow = flow<number>('long')
      .then('work', (_n: number, ctx) => {
        ctx.signal.addEventListener('abort', () => (reason = ctx.signal.reason));
        controller.abort(new Error('changed my mind'));
        return new Promise<never>(() => {});
      })
      .build();
    await expect(runWorkflow(workflow, 1, { signal: controller.signal })).rejects.toThrow(RunCancelledError);
    expect(reason).toBeInstanceOf(RunCancelledError);
    expect(reason).toMatchObject({ reason: 'changed my mind' });
  });

  test('a signal that is aborted already starts nothing', async () => {
    let ran = false;
    const workflow = flow<number>('never')
      .then('work', () => {
        ran = true;
      })
      .build();
    await expect(runWorkflow(workflow, 1, { signal: AbortSignal.abort() })).rejects.toThrow(RunCancelledError);
    expect(ran).toBe(false);
  });

  test('an input that cannot be stored is refused', async () => {
    await expect(
      runWorkflow(
        flow<unknown>('odd')
          .then('x', () => 1)
          .build(),
        () => 1,
      ),
    ).rejects.toThrow(CodecError);
  });
});
