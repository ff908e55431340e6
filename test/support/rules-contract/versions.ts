import { expect, test } from 'vitest';
import { flow, type TaskOptions, task, type Workflow } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { type Rules, soon } from './theme.js';

export function versions(rules: Rules): void {
  /** One name, as a deployment would change it: another structure by its version, another policy by its options. */
  const shop = (
    name: string,
    code: string,
    version: string,
    options: TaskOptions = {},
    nap: string | number = 1,
  ): Workflow<number, string> =>
    flow<number>(name)
      .waitForSignal('go', { timeout: nap === 1 ? '1h' : '2h' })
      .delay('nap', nap)
      .then(task('work', () => code, { version, ...options }))
      .build();
  const working = async (workflow: Workflow) => {
    const worker = rules.baton.worker({ workflows: [workflow] });
    await worker.start();
    return worker;
  };

  test('a worker never gets a task of a structure that it does not know; such a run is seen to wait, and goes on with its own', async () => {
    const [before, after] = [shop('shop', 'old', '1'), shop('shop', 'new', '2')];
    expect(after.hash).not.toBe(before.hash);
    const now = await working(after);
    const old = await rules.baton.start(before, 1);
    const young = await rules.baton.start(after, 1);
    for (const run of [old, young]) await run.signal('go');
    expect(await young.result(soon)).toBe('new');
    expect(await old.status()).toEqual({ status: 'running' });
    expect((await old.describe()).nodes).toMatchObject([{ node: 'go', state: 'ready' }]);
    const { run } = await rules.baton.diagnose(old.id);
    expect(run?.nodes).toMatchObject([{ node: 'go', waitsFor: expect.stringMatching(/0 consumers/) }]);
    const then = await working(before);
    expect(await old.result(soon)).toBe('old');
    await Promise.all([now.stop(), then.stop()]);
  });

  test('policy may change under running runs, and no message is stranded', async () => {
    const before = shop('policy', 'old', '1', { priority: 5, tags: ['old'], retry: 9, timeout: '1h' });
    const after = shop(
      'policy',
      'new',
      '1',
      { priority: 1, tags: ['new'], timeout: '1s', metadata: { owner: 'ann' } },
      2,
    );
    expect(after.hash).toBe(before.hash);
    const first = await working(before);
    const parked = await rules.baton.start(before, 1);
    await eventually(async () => expect(await parked.status()).toMatchObject({ status: 'awaiting_signal' }));
    await first.stop();
    const queued = await rules.baton.start(before, 1);
    const second = await working(after);
    for (const run of [parked, queued]) await run.signal('go');
    for (const run of [parked, queued]) expect(await run.result(soon)).toBe('new');
    await second.stop();
  });
}
