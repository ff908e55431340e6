import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { branch, flow, LoopResult } from '../../../src/core/flow.js';
import { limits } from '../../../src/runtime/limits.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function results(rules: Rules): void {
  const plusOne = (n: number) => n + 1;
  const asking = rules.known(flow<string>('asking-result').waitForSignal<string>('word').build());
  test('are pushed to who waits in the starting process: long before anybody would look', async () => {
    const took = await Promise.all(
      ['a', 'b', 'c'].map(async (input) => {
        const run = await rules.baton.start(asking, input);
        const result = run.result(soon);
        const sent = performance.now();
        await run.signal('word', input);
        await result;
        return performance.now() - sent;
      }),
    );
    expect(Math.min(...took)).toBeLessThan(limits.resultPollMs / 2);
  });
  test('not there in time are a ResultTimeoutError, and the run goes on', async () => {
    const run = await rules.baton.start(asking, 'a');
    await expect(run.result({ timeout: '30ms' })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT', timeoutMs: 30 });
    await expect(run.result({ timeout: 0 })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' });
    await run.signal('word', 'so');
    expect(await run.result(soon)).toBe('so');
    expect(await run.result({ timeout: '1h' })).toBe('so');
  });
  test('reach all who wait', async () => {
    const run = await rules.baton.start(asking, 'a');
    const waiting = [run.result(), run.result(), rules.baton.run(asking, run.id).result()];
    await run.signal('word', 'so');
    expect(await Promise.all(waiting)).toEqual(['so', 'so', 'so']);
  });

  const inner = flow<number>('inner').then('one', plusOne).then('two', plusOne).build();
  const everything = rules.known(
    flow<number>('everything')
      .then('first', plusOne)
      .delay('nap', 1)
      .fork([branch('a', plusOne), branch('b', inner)])
      .loop(
        'grow',
        flow<number[]>('body').then('verdict', ([n = 0]: number[]) =>
          n > 10 ? LoopResult.done(n) : LoopResult.again([n * 2]),
        ),
      )
      .then('list', (n: number) => [n, n + 1])
      .map(
        'each',
        flow<number>('element')
          .then('square', (n: number) => n * n)
          .then('minus', (n: number) => n - 1),
        { concurrency: 1 },
      )
      .route('size', () => 'big', ['big', 'small'] as const)
      .branch('big', (list: number[]) => list.length)
      .branch('small', () => 0)
      .done()
      .waitForSignal('go')
      .build(),
  );
  test('of a task are found by id and by path, for every kind of node: the one record, the last iteration, the list', async () => {
    const run = await rules.baton.start(everything, 1);
    await run.signal('go', { fine: true });
    expect(await run.result(soon)).toEqual({ fine: true });
    const ids = [...new Set((await run.describe()).nodes.map(({ node }) => node)), 'grow'];
    const found = Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await run.taskResult(id)])));
    expect(found).toMatchObject({
      first: 2,
      nap: 2,
      grow: 12,
      verdict: 12,
      list: [12, 13],
      each: [143, 168],
      square: [144, 169],
      minus: [143, 168],
      size: { branch: 'big', result: 2 },
      go: { fine: true },
    });
    const paths = { '/2': [3, 4], '/2/b1/0': 4, '/2/b1/0/0': 3, '/3#0/0': [6], '/3#2/0': 12, '/5#1/0': 169 };
    for (const [path, value] of Object.entries(paths))
      expect([path, await run.taskResult(path)]).toEqual([path, value]);
    expect(await run.taskResult('small')).toBeUndefined();
    await expect(run.taskResult('frist')).rejects.toThrow(/no node "frist"; it has first, nap/);
    await expect(run.taskResult('/9')).rejects.toThrow(ConfigError);
  });

  const twice = rules.known(flow<number>('twice-inner').thenFlow(inner).thenFlow(inner).build());
  test('of a child flow stand behind its name, of its second use behind name#2', async () => {
    const run = await rules.baton.start(twice, 1);
    expect(await run.result(soon)).toBe(5);
    const ids = { 'inner/one': 2, 'inner/two': 3, inner: 3, 'inner#2/one': 4, 'inner#2/two': 5, 'inner#2': 5 };
    for (const [id, value] of Object.entries(ids)) expect([id, await run.taskResult(id)]).toEqual([id, value]);
  });

  const turns = [gate(), gate(), gate()];
  const began = gate();
  const under = rules.known(
    flow<number>('under-way')
      .loop('rounds', async (n: number) => {
        if (n === 1) began.open();
        await turns[n]?.opened;
        return n === 2 ? LoopResult.done('end') : LoopResult.again(n + 1);
      })
      .then('list', () => [1, 2])
      .map('each', flow<number>('slow-element').then('number', plusOne).waitForSignal<string>('word'))
      .build(),
  );
  test('are undefined until the node has completed; of a loop under way only its rounds have one', async () => {
    const run = await rules.baton.start(under, 0);
    expect(await run.taskResult('rounds')).toBeUndefined();
    turns[0]?.open();
    await began.opened;
    expect(await run.taskResult('/0#0/0')).toBe(1);
    expect(await run.taskResult('/0')).toBeUndefined();
    expect(await run.taskResult('list')).toBeUndefined();
    for (const turn of turns) turn.open();
    await eventually(async () => expect((await run.status()).status).toBe('awaiting_signal'));
    expect(await run.taskResult('/0')).toBe('end');
    expect(await run.taskResult('number')).toBeUndefined();
    expect(await run.taskResult('/2#1/0')).toBe(3);
    for (const word of ['a', 'b']) await run.signal('word', word);
    expect(await run.result(soon)).toEqual(await run.taskResult('each'));
    expect(await run.taskResult('number')).toEqual([2, 3]);
  });

  const otherwise = rules.known(
    flow<string>('otherwise')
      .route('which', (key) => key, ['listed'])
      .branch('listed', (key) => key)
      .defaultBranch((key) => `${key}!`)
      .done()
      .build(),
  );
  test('of a route that took its default branch have the actual key', async () => {
    const run = await rules.baton.start(otherwise, 'other');
    expect(await run.result(soon)).toEqual({ branch: 'other', result: 'other!' });
    expect(await run.taskResult('which')).toEqual({ branch: 'other', result: 'other!' });
  });

  const last = rules.known(
    flow<number>('exits')
      .loop('rounds', (n: number) => LoopResult.again(n + 1), { maxIterations: 3, onMax: 'exit_with_last' })
      .build(),
  );
  test('of a loop that ends with its last round is what that said', async () => {
    const run = await rules.baton.start(last, 0);
    expect(await run.result(soon)).toBe(3);
    expect(await run.taskResult('rounds')).toBe(3);
  });
}
