import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { branch, flow, LoopResult, type TaskContext, task } from '../../../src/core/flow.js';
import { getTaskContext } from '../../../src/runtime/context.js';
import { type Rules, soon } from './theme.js';

export function context(rules: Rules): void {
  const seen = new Map<string, TaskContext>();
  const full = rules.known(
    flow<number>('full', { metadata: { team: 'shop' } })
      .then(
        task(
          'look',
          (_: number, ctx) => {
            seen.set('look', { ...ctx, logger: ctx.logger });
            return 1;
          },
          { retry: 4, metadata: { owner: 'ann' } },
        ),
      )
      .build(),
  );
  test('names run, workflow, task, path, attempt, key, metadata of both, and has a signal and a logger', async () => {
    const run = await rules.baton.start(full, 1, { id: 'full-1' });
    await run.result(soon);
    const ctx = seen.get('look') as TaskContext;
    expect(ctx).toMatchObject({
      runId: 'full-1',
      workflow: 'full',
      taskId: 'look',
      path: '/0',
      attempt: 1,
      maxAttempts: 5,
      idempotencyKey: expect.stringMatching(/./),
      metadata: { owner: 'ann' },
      workflowMetadata: { team: 'shop' },
    });
    expect('lastProgress' in ctx).toBe(false);
    expect(ctx.signal).toBeInstanceOf(AbortSignal);
    expect(ctx.signal.aborted).toBe(false);
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(ctx.logger[level]).toBeTypeOf('function');
  });

  const deep = async (): Promise<TaskContext | undefined> => {
    await sleep(1);
    return Promise.resolve().then(() => getTaskContext());
  };
  const nested = rules.known(
    flow<number>('nested-context')
      .fork([
        branch('a', async (_: number, ctx) => ((await deep()) === ctx ? (await deep())?.taskId : 'another')),
        branch('b', async (_: number, ctx) => ((await deep()) === ctx ? (await deep())?.taskId : 'another')),
      ])
      .join('merge', async (ids) => [...ids, (await deep())?.taskId])
      .route('which', () => (getTaskContext()?.taskId === 'which' ? 'yes' : 'no'), ['yes', 'no'] as const)
      .branch('yes', async (ids: unknown[]) => [...ids, (await deep())?.path])
      .branch('no', () => [])
      .done()
      .build(),
  );
  test('is there in whatever a task calls, each in its own, and nowhere outside', async () => {
    const { result } = await (await rules.baton.start(nested, 1)).result(soon);
    expect(result).toEqual(['a', 'b', 'merge', '/1/b0/0']);
    expect(getTaskContext()).toBeUndefined();
  });

  const keys: string[] = [];
  const keeps = async (_: unknown, { idempotencyKey }: TaskContext) => void keys.push(idempotencyKey);
  const many = rules.known(
    flow<number>('many-keys')
      .fork([branch('a', keeps), branch('b', keeps)])
      .then('list', () => [1, 2])
      .map('each', keeps)
      .loop('rounds', async (n: unknown, ctx) => {
        await keeps(n, ctx);
        return keys.length % 6 === 0 ? LoopResult.done(0) : LoopResult.again([]);
      })
      .build(),
  );
  test('has another key for each activation: branch, element, iteration and run', async () => {
    for (const run of await rules.baton.startMany(many, [1])) await run.result(soon);
    expect(new Set(keys).size).toBe(6);
    await (await rules.baton.start(many, 1)).result(soon);
    expect(new Set(keys).size).toBe(12);
  });

  let key = '';
  const again = rules.known(
    flow<number>('key-again')
      .then('keep', (_, ctx) => ctx.idempotencyKey)
      .build(),
  );
  test('never has the key of a run that had the id before', async () => {
    key = await (await rules.baton.start(again, 1, { id: 'key-again' })).result(soon);
    const second = await rules.baton.start(again, 1, { id: 'key-again', conflict: 'terminate_existing' });
    expect(await second.result(soon)).not.toBe(key);
  });
}
