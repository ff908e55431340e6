import { expect, test } from 'vitest';
import { RunFailedError } from '../../../src/core/errors.js';
import { branch, flow, task } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function retryingRuns(rules: Rules): void {
  const ran: string[] = [];
  const keys = new Set<string>();
  const broken = { charge: true };
  const note = (id: string) =>
    task(id, (_: unknown, { attempt, path }) => {
      ran.push(`${path} ${id} ${attempt}`);
      return id;
    });
  const order = rules.known(
    flow<number>('retried')
      .then(note('first'))
      .fork([
        branch(
          'breaks',
          flow<string>('pay')
            .then(note('before'))
            .then(
              'charge',
              (_, { attempt, idempotencyKey }) => {
                ran.push(`charge ${attempt}`);
                keys.add(idempotencyKey);
                if (broken.charge) throw new Error('broken');
                return 'paid';
              },
              { retry: { maxRetries: 1, initialDelay: 1 } },
            ),
        ),
        branch('slow', flow<string>('slow').delay('nap', '1h').then(note('after'))),
        branch('asks', flow<string>('asks').waitForSignal('word', { timeout: '2h' })),
        branch('done', note('done')),
      ])
      .join('all', (outputs) => outputs)
      .build(),
  );
  test('goes on from the task that failed: what completed stays, what was stopped reopens, at attempt 1 with the same keys', async () => {
    const run = await rules.baton.start(order, 1);
    const nodes = async () => Object.fromEntries((await run.describe()).nodes.map((node) => [node.node, node]));
    const parked = async () =>
      Object.entries(await nodes()).flatMap(([id, { state }]) =>
        state === 'delayed' || state === 'awaiting_signal' ? [id] : [],
      );
    await expect(run.result(soon)).rejects.toMatchObject({ task: 'charge', attempt: 2 });
    expect(await parked()).toEqual([]);
    const failed = await nodes();
    broken.charge = false;
    await run.retry();
    await eventually(async () => expect(await run.taskResult('charge')).toBe('paid'));
    await eventually(async () => expect(await parked()).toEqual(['nap', 'word']));
    const again = await nodes();
    expect(again.nap?.dueAt).toEqual(failed.nap?.dueAt ?? again.nap?.dueAt);
    expect(again.nap?.dueAt?.getTime()).toBeLessThan((again.first?.startedAt?.getTime() ?? 0) + 3_600_000 + 2_000);
    expect(again.charge).toMatchObject({ state: 'completed', attempt: 1, losses: 0 });
    expect(ran.filter((one) => one.startsWith('charge'))).toEqual(['charge 1', 'charge 2', 'charge 1']);
    expect(ran.filter((one) => one.endsWith('first 1'))).toHaveLength(1);
    expect(ran.filter((one) => one.endsWith('before 1'))).toHaveLength(1);
    expect(keys.size).toBe(1);
    await run.signal('word', 'so');
    await eventually(async () => expect(await run.taskResult('word')).toEqual({ timedOut: false, payload: 'so' }));
    await run.cancel();
  });

  const flags = { broken: true };
  const joined = rules.known(
    flow<number>('joined-again')
      .fork([
        branch('done', () => 'done'),
        branch('breaks', () => {
          if (flags.broken) throw new Error('broken');
          return 'mended';
        }),
        branch('asks', flow<number>('asks-again').waitForSignal<string>('word')),
      ])
      .join('all', (outputs) => outputs)
      .build(),
  );
  test('joins keep their count: they take each branch once', async () => {
    const run = await rules.baton.start(joined, 1);
    await expect(run.result(soon)).rejects.toThrow(/broken/);
    await expect(run.retry().then(() => run.result(soon))).rejects.toThrow(/broken/);
    flags.broken = false;
    await run.retry();
    await run.signal('word', 'so');
    expect(await run.result(soon)).toEqual(['done', 'mended', 'so']);
  });

  const stopped = gate();
  const turns: string[] = [];
  const atWork = rules.known(
    flow<number>('stopped-at-work')
      .fork([
        branch('long', async (_: number, { signal, attempt }) => {
          turns.push(`long ${attempt}`);
          if (turns.length > 1) return 'the second time';
          stopped.open();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return 'late';
        }),
        branch('breaks', async () => {
          await stopped.opened;
          if (turns.length === 1) throw new Error('broken');
          return 'mended';
        }),
      ])
      .build(),
  );
  test('a sibling that was stopped at work runs again, and what it returned late counts for nothing', async () => {
    const run = await rules.baton.start(atWork, 1);
    await expect(run.result(soon)).rejects.toThrow(/broken/);
    turns.push('failed');
    await run.retry();
    expect(await run.result(soon)).toEqual(['the second time', 'mended']);
    expect(turns).toEqual(['long 1', 'failed', 'long 1']);
  });

  const once = { broken: true };
  const simple = rules.known(
    flow<number>('once-broken')
      .then('maybe', (n) => {
        if (once.broken) throw new Error('broken');
        return n;
      })
      .build(),
  );
  test('a result() that was rejected stays so, a new one waits', async () => {
    const run = await rules.baton.start(simple, 7);
    const first = run.result(soon);
    await expect(first).rejects.toBeInstanceOf(RunFailedError);
    once.broken = false;
    await run.retry();
    await expect(first).rejects.toBeInstanceOf(RunFailedError);
    expect(await run.result(soon)).toBe(7);
  });

  const asking = rules.known(flow<number>('not-failed').waitForSignal('word').build());
  test('is refused with RunNotFailedError unless the run is failed', async () => {
    const run = await rules.baton.start(asking, 1);
    await expect(run.retry()).rejects.toMatchObject({ code: 'RUN_NOT_FAILED', status: 'running' });
    await run.pause();
    await expect(run.retry()).rejects.toMatchObject({ code: 'RUN_NOT_FAILED', status: 'paused' });
    await run.cancel();
    await expect(run.retry()).rejects.toThrow(/is cancelled; only a failed run can be retried/);
  });
}
