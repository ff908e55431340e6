import { expect, test } from 'vitest';
import type { RunHandle } from '../../../src/client/handle.js';
import { flow, task, type Workflow } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function pausing(rules: Rules): void {
  const states = (run: RunHandle) => async () => (await run.describe()).nodes.map(({ state }) => state);

  /** Long enough for the pause to come before its end. */
  const moment = '1500ms';
  /** Parked for a moment that passes while the run is paused. */
  const passing = {
    delayed: rules.known(
      flow<number>('pause-delayed')
        .delay('nap', moment)
        .then('after', () => 'went on')
        .build(),
    ),
    awaiting_signal: rules.known(
      flow<number>('pause-timeout')
        .waitForSignal('word', { timeout: moment })
        .then('after', () => 'went on')
        .build(),
    ),
    backing_off: rules.known(
      flow<number>('pause-backoff')
        .then(
          'fails',
          (_, { attempt }) => {
            if (attempt === 1) throw new Error('not yet');
            return 'went on';
          },
          { retry: { maxRetries: 1, initialDelay: moment } },
        )
        .build(),
    ),
  };
  for (const [state, workflow] of Object.entries(passing) as [string, Workflow<number, string>][]) {
    test(`of a run that is ${state}: its time goes on, what falls due is held, and starts at resume`, async () => {
      const run = await rules.baton.start(workflow, 1);
      await eventually(async () => expect(await states(run)()).toEqual([state]));
      await run.pause();
      expect(await run.status()).toEqual({ status: 'paused' });
      await eventually(async () => expect(await states(run)()).toEqual(['held']));
      expect(await run.status()).toEqual({ status: 'paused' });
      await run.resume();
      expect(await run.result(soon)).toBe('went on');
    });
  }

  const asking = rules.known(
    flow<number>('pause-signal')
      .waitForSignal<string>('word')
      .then('after', (word) => word)
      .build(),
  );
  test('signals are accepted, and received at resume', async () => {
    const run = await rules.baton.start(asking, 1);
    await run.pause({ reason: 'audit', by: 'ann' });
    await run.signal('word', 'so');
    expect(await states(run)()).toEqual(['held']);
    expect(await run.status()).toEqual({ status: 'paused', reason: 'audit', by: 'ann' });
    await run.resume();
    expect(await run.result(soon)).toBe('so');
  });
  test('twice, and resuming what runs, change nothing: the first reason stays', async () => {
    const run = await rules.baton.start(asking, 1);
    await run.resume();
    await run.pause({ reason: 'lunch' });
    await run.pause({ reason: 'dinner', by: 'bob' });
    expect(await run.status()).toEqual({ status: 'paused', reason: 'lunch' });
    await run.resume();
    await run.resume();
    expect(await run.status()).toMatchObject({ status: 'awaiting_signal' });
    await run.pause({ by: 'bob' });
    expect(await run.status()).toEqual({ status: 'paused', by: 'bob' });
    await run.cancel();
  });

  const held = (name: string, last: boolean) => {
    const began = gate();
    const finish = gate();
    const ran: string[] = [];
    const work = task('work', async () => {
      began.open();
      await finish.opened;
      ran.push('work');
      return 'done';
    });
    const next = (said: string) => {
      ran.push('next');
      return said;
    };
    const start = flow<number>(name).then(work);
    const workflow = rules.known((last ? start : start.then('next', next)).build());
    return { workflow, began, finish, ran };
  };
  const middle = held('pause-middle', false);
  test('at once, while running tasks finish; nothing new starts before resume', async () => {
    const { workflow, began, finish, ran } = middle;
    const run = await rules.baton.start(workflow, 1);
    await began.opened;
    await run.pause();
    expect(await run.status()).toEqual({ status: 'paused' });
    finish.open();
    await eventually(async () => expect(await states(run)()).toEqual(['completed', 'held']));
    expect(ran).toEqual(['work']);
    await run.resume();
    expect(await run.result(soon)).toBe('done');
    expect(ran).toEqual(['work', 'next']);
  });
  const end = held('pause-last', true);
  test('during the last task: its end is the end of the run', async () => {
    const { workflow, began, finish } = end;
    const run = await rules.baton.start(workflow, 1);
    await began.opened;
    await run.pause();
    finish.open();
    expect(await run.result(soon)).toBe('done');
    expect(await run.status()).toEqual({ status: 'completed', output: 'done' });
    await expect(run.resume()).rejects.toMatchObject({ code: 'RUN_TERMINAL' });
  });

  const steps = rules.known(
    Array.from({ length: 5 })
      .reduce<ReturnType<typeof flow<number>>>(
        (so, _, i) => so.then(`step-${i}`, (n) => n + 1).delay(`nap-${i}`, 5),
        flow<number>('pause-often'),
      )
      .build(),
  );
  test('and resume, any number of times in any order, at any moment, wedge nothing', async () => {
    const runs = await rules.baton.startMany(
      steps,
      Array.from({ length: 10 }, (_, i) => i),
    );
    const fumble = async (run: RunHandle<number>, i: number) => {
      for (let turn = 0; turn < 12; turn++) await ((turn * 7 + i) % 3 === 0 ? run.pause() : run.resume());
      await run.resume();
    };
    await Promise.all(
      runs.map((run, i) => fumble(run, i).catch((error) => expect(error).toMatchObject({ code: 'RUN_TERMINAL' }))),
    );
    expect(await Promise.all(runs.map((run) => run.result(soon)))).toEqual(runs.map((_, i) => i + 5));
  });

  test('of a run that no worker has begun: nothing starts before resume', async () => {
    const ran: number[] = [];
    const queued = flow<number>('pause-queued')
      .then('work', (n) => void ran.push(n))
      .build();
    const [paused, other] = await rules.baton.startMany(queued, [1, 2]);
    await paused?.pause();
    const worker = rules.baton.worker({ workflows: [queued] });
    await worker.start();
    await other?.result(soon);
    expect(ran).toEqual([2]);
    await paused?.resume();
    await paused?.result(soon);
    expect(ran).toEqual([2, 1]);
    await worker.stop();
  });
}
