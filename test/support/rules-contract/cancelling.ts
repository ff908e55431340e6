import { expect, test } from 'vitest';
import { RunCancelledError } from '../../../src/core/errors.js';
import { flow, task, type Workflow } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function cancelling(rules: Rules): void {
  const ran: string[] = [];
  const note = (id: string) => task(id, () => void ran.push(id));
  const nap = rules.known(flow<number>('cancel-nap').delay('nap', '1h').build());
  const parked: Readonly<Record<string, Workflow<number, unknown>>> = {
    delayed: nap,
    awaiting_signal: rules.known(flow<number>('cancel-signal').waitForSignal('word', { timeout: '1h' }).build()),
    backing_off: rules.known(
      flow<number>('cancel-backoff')
        .then(
          'fails',
          () => {
            throw new Error('not yet');
          },
          { retry: { maxRetries: 1, initialDelay: '1h' } },
        )
        .build(),
    ),
    // No worker knows it.
    ready: flow<number>('cancel-queued').then(note('queued')).build(),
  };
  for (const [state, workflow] of Object.entries(parked)) {
    test(`takes effect at once in a run that is ${state}, paused or not: nothing of it is left to run`, async () => {
      const runs = await rules.baton.startMany(workflow, [1, 2]);
      for (const [i, run] of runs.entries()) {
        const states = async () => (await run.describe()).nodes.map((node) => node.state);
        await eventually(async () => expect(await states()).toEqual([state]));
        if (i === 1) await run.pause();
        const said = { reason: 'no longer wanted', by: 'ann' };
        await run.cancel(said);
        expect(await run.status()).toEqual({ status: 'cancelled', ...said });
        expect(await states()).toEqual(['cancelled']);
        await expect(run.result(soon)).rejects.toMatchObject({ code: 'RUN_CANCELLED', ...said });
      }
    });
  }

  test('of a queued run means that a worker which comes later does not start it', async () => {
    const queued = flow<number>('cancel-late')
      .then(note('late-start'))
      .then('end', () => 'end')
      .build();
    const [cancelled, other] = await rules.baton.startMany(queued, [1, 2]);
    await cancelled?.cancel();
    const worker = rules.baton.worker({ workflows: [queued] });
    await worker.start();
    await other?.result(soon);
    expect(ran.filter((id) => id === 'late-start')).toHaveLength(1);
    await worker.stop();
  });

  const began = gate();
  const returned = gate();
  const reasons: unknown[] = [];
  const busy = rules.known(
    flow<number>('cancel-running')
      .then('work', async (_, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        began.open();
        await returned.opened;
        return 'late';
      })
      .then(note('after-work'))
      .build(),
  );
  test('aborts a running task with reason and author; what it returns is discarded, and nothing follows', async () => {
    const outcomes: string[] = [];
    const unsubscribe = rules.worker.on(
      'task',
      ({ workflow, outcome }) => workflow === 'cancel-running' && outcomes.push(outcome),
    );
    const run = await rules.baton.start(busy, 1);
    await began.opened;
    await run.cancel({ reason: 'no longer wanted', by: 'ann' });
    await eventually(async () => expect(reasons).toHaveLength(1));
    expect(reasons[0]).toBeInstanceOf(RunCancelledError);
    expect(reasons[0]).toMatchObject({ reason: 'no longer wanted', by: 'ann' });
    returned.open();
    await eventually(async () => expect(outcomes).toEqual(['lost']));
    unsubscribe();
    expect(await run.taskResult('work')).toBeUndefined();
    expect(ran).not.toContain('after-work');
  });

  const quick = rules.known(
    flow<number>('cancel-ended')
      .then('one', (n) => n)
      .build(),
  );
  const fails = rules.known(
    flow<number>('cancel-failed')
      .then('one', () => {
        throw new Error('broken');
      })
      .build(),
  );
  test('twice is no error, and the first reason stays; a run that has ended refuses it, as it does all control', async () => {
    const asked = await rules.baton.start(nap, 1);
    await asked.cancel({ reason: 'first' });
    await asked.cancel({ reason: 'second', by: 'bob' });
    expect(await asked.status()).toEqual({ status: 'cancelled', reason: 'first' });
    for (const refused of [() => asked.pause(), () => asked.resume(), () => asked.signal('word')])
      await expect(refused()).rejects.toMatchObject({ code: 'RUN_TERMINAL', status: 'cancelled' });
    for (const [workflow, status] of [
      [quick, 'completed'],
      [fails, 'failed'],
    ] as const) {
      const run = await rules.baton.start(workflow, 1);
      await run.result(soon).catch(() => {});
      for (const refused of [() => run.cancel(), () => run.pause(), () => run.resume(), () => run.signal('word')])
        await expect(refused()).rejects.toMatchObject({ code: 'RUN_TERMINAL', status });
    }
  });

  test('takes any reason and author that text can hold, and refuses others with a ConfigError', async () => {
    const run = await rules.baton.start(nap, 1);
    for (const control of [run.cancel.bind(run), run.pause.bind(run)]) {
      await expect(control({ reason: 'a\0b' })).rejects.toMatchObject({ code: 'CONFIG' });
      await expect(control({ by: 7 as never })).rejects.toMatchObject({ code: 'CONFIG' });
      await expect(control({ resaon: 'x' } as never)).rejects.toMatchObject({ code: 'CONFIG' });
    }
    await run.cancel({ reason: '“ünïcödé” 🙂' });
    expect(await run.status()).toEqual({ status: 'cancelled', reason: '“ünïcödé” 🙂' });
  });
}
