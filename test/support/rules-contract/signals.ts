import { expect, test } from 'vitest';
import { CodecError, ConfigError, RunTerminalError } from '../../../src/core/errors.js';
import { branch, flow, signal } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { type Rules, soon } from './theme.js';

export function signals(rules: Rules): void {
  const twice = rules.known(
    flow<number>('asked-twice')
      .waitForSignal<string>('word')
      .then('first', (word) => word)
      .waitForSignal<string>('word', { id: 'again' })
      .then('both', (word, ctx) => [word, ctx.runId])
      .build(),
  );
  test('sent early are kept, first in first out, and each is consumed once', async () => {
    const run = await rules.baton.start(twice, 1, { id: 'early' });
    // Or it might be over before the third.
    await run.pause();
    for (const word of ['one', 'two', 'three']) await run.signal('word', word);
    await run.resume();
    expect(await run.result(soon)).toEqual(['two', 'early']);
    expect(await run.taskResult('word')).toBe('one');
  });
  test('with an id that was sent before is harmless, also when the first is consumed', async () => {
    const run = await rules.baton.start(twice, 1);
    for (let i = 0; i < 3; i++) await run.signal('word', 'one', { id: 'same' });
    await eventually(async () => expect(await run.taskResult('first')).toBe('one'));
    await run.signal('word', 'one', { id: 'same' });
    await eventually(async () =>
      expect(await run.status()).toMatchObject({ status: 'awaiting_signal', node: 'again' }),
    );
    await run.signal('word', 'two', { id: 'other' });
    expect((await run.result(soon))[0]).toBe('two');
  });
  test('are of one run and no other', async () => {
    const [one, other] = await rules.baton.startMany(twice, [1, 2]);
    await one?.signal('word', 'mine');
    await one?.signal('word', 'mine too');
    await one?.result(soon);
    expect(await other?.status()).toMatchObject({ status: 'awaiting_signal', node: 'word', signal: 'word' });
    await other?.cancel();
  });

  const names = rules.known(flow<number>('two-names').waitForSignal<number>('a').waitForSignal<number>('b').build());
  test('of two names do not mix, and an id counts for its name alone', async () => {
    const run = await rules.baton.start(names, 1);
    await run.signal('b', 2, { id: 'same' });
    await run.signal('a', 1, { id: 'same' });
    expect(await run.result(soon)).toBe(2);
  });

  const together = rules.known(
    flow<number>('together')
      .fork([
        branch('left', flow<number>('left').waitForSignal<number>('n', { id: 'l' })),
        branch('right', flow<number>('right').waitForSignal<number>('n', { id: 'r' })),
      ])
      .build(),
  );
  test('go to the smaller path where two waiters of a name were parked together', async () => {
    const run = await rules.baton.start(together, 1);
    await eventually(async () =>
      expect((await run.describe()).nodes.filter(({ state }) => state === 'awaiting_signal').length).toBe(2),
    );
    expect(await run.status()).toMatchObject({ node: 'l' });
    await run.signal('n', 1);
    await eventually(async () => expect(await run.status()).toMatchObject({ node: 'r' }));
    await run.signal('n', 2);
    expect(await run.result(soon)).toEqual([1, 2]);
  });
  const apart = rules.known(
    flow<number>('apart')
      .fork([
        branch('late', flow<number>('late-half').delay('nap', 60).waitForSignal<number>('n', { id: 'l' })),
        branch('child', flow<number>('early-half').waitForSignal<number>('n', { id: 'r' }).build()),
      ])
      .build(),
  );
  test('have names that are global to the run: the waiter that was parked first gets the first, in a child flow too', async () => {
    const run = await rules.baton.start(apart, 1);
    const waiting = async () => (await run.describe()).nodes.filter(({ state }) => state === 'awaiting_signal').length;
    await eventually(async () => expect(await waiting()).toBe(2));
    await run.signal('n', 'first');
    await run.signal('n', 'second');
    expect(await run.result(soon)).toEqual(['second', 'first']);
  });

  const timely = rules.known(flow<number>('timely').waitForSignal(signal<string>('word'), { timeout: '50ms' }).build());
  test('that do not come in time end the wait with a value of its own, with nobody watching', async () => {
    const run = await rules.baton.start(timely, 1);
    expect(await run.result(soon)).toEqual({ timedOut: true });
    await expect(run.signal('word', 'late')).rejects.toThrow(RunTerminalError);
  });
  const inTime = rules.known(
    flow<number>('in-time').waitForSignal(signal<undefined>('word'), { timeout: '1h' }).build(),
  );
  test('that come in time say so, and may carry nothing', async () => {
    const run = await rules.baton.start(inTime, 1);
    expect(await run.status()).toMatchObject({ status: 'awaiting_signal', until: expect.any(Date) });
    await run.signal('word');
    expect(await run.result(soon)).toEqual({ timedOut: false, payload: undefined });
  });

  test('with a bad name, a bad id or what cannot be stored are refused, and an ended run refuses any', async () => {
    const run = await rules.baton.start(names, 1);
    for (const name of ['a b', '', 'x'.repeat(65)]) await expect(run.signal(name)).rejects.toThrow(ConfigError);
    for (const id of ['', 'x'.repeat(257), 'a\0b'])
      await expect(run.signal('a', 1, { id })).rejects.toThrow(ConfigError);
    await expect(run.signal('a', () => 1)).rejects.toThrow(CodecError);
    await run.cancel();
    await expect(run.signal('a', 1)).rejects.toMatchObject({ code: 'RUN_TERMINAL', status: 'cancelled' });
  });
}
