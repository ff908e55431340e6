import { expect, test } from 'vitest';
import { flow, type TaskContext, task } from '../../../src/core/flow.js';
import type { Json } from '../../../src/core/model.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function heartbeats(rules: Rules): void {
  /** What each attempt found, of a task that says these things before it fails. */
  const resuming = (name: string, say: (ctx: TaskContext) => void, timeout?: number) => {
    const found: (Json | undefined)[] = [];
    const run = async (_: number, ctx: TaskContext) => {
      found.push(ctx.lastProgress);
      if (ctx.attempt > 2) return found;
      say(ctx);
      if (timeout !== undefined) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      throw new Error('not yet');
    };
    const retry = { maxRetries: 2, initialDelay: 1 };
    return rules.known(
      flow<number>(name)
        .then(task('work', run, { retry, timeout }))
        .build(),
    );
  };

  const pages = resuming('pages', ({ attempt, heartbeat }) => {
    heartbeat({ page: attempt * 10 - 1 });
    heartbeat({ page: attempt * 10 });
  });
  test('keeps its last progress with the failing attempt, and the next one reads it', async () => {
    const run = await rules.baton.start(pages, 1);
    expect(await run.result(soon)).toEqual([undefined, { page: 10 }, { page: 20 }]);
    expect((await run.describe()).nodes).toMatchObject([{ progress: { page: 20 } }]);
  });

  const silent = resuming('silent', ({ attempt, heartbeat }) => (attempt === 1 ? heartbeat('here') : heartbeat()));
  test('without progress keeps what was said before', async () => {
    expect(await (await rules.baton.start(silent, 1)).result(soon)).toEqual([undefined, 'here', 'here']);
  });

  const slow = resuming('slow-pages', ({ attempt, heartbeat }) => heartbeat([attempt]), 300);
  test('keeps progress also of an attempt whose time is up', async () => {
    expect(await (await rules.baton.start(slow, 1)).result(soon)).toEqual([undefined, [1], [2]]);
  });

  const finish = gate();
  const long = flow<number>('long-work')
    .then('work', async (_, { heartbeat }) => {
      heartbeat({ done: 0.5 });
      await finish.opened;
      return 'done';
    })
    .build();
  test('shows progress while the task is at work, within a third of the lease', async () => {
    const worker = rules.baton.worker({ workflows: [long], leaseTtl: '600ms' });
    await worker.start();
    const run = await rules.baton.start(long, 1);
    const progress = async () => (await run.describe()).nodes[0]?.progress;
    await eventually(async () => expect(await progress()).toEqual({ done: 0.5 }));
    finish.open();
    expect(await run.result(soon)).toBe('done');
    await worker.stop();
  });

  const wrong = rules.known(
    flow<number>('wrong-progress')
      .then('work', (_, { heartbeat }) => heartbeat(10n as never))
      .build(),
  );
  test('refuses progress that is not JSON', async () => {
    await expect((await rules.baton.start(wrong, 1)).result(soon)).rejects.toMatchObject({
      cause: { code: 'CODEC', message: expect.stringMatching(/progress of work .* JSON/) },
    });
  });
}
