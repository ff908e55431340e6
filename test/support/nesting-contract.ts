/** What workers make of every nesting of nodes, wherever they run. */
import type { Baton } from 'batonmq';
import { expect, test } from 'vitest';
import { cases, delays, left, nesting, right, twice } from '../fixtures/nesting.mjs';

/** @param connected the connection to start runs on; workers for the fixture's workflows are there */
export function nestingContract(connected: () => Baton): void {
  test('every kind of node works inside every kind that holds others', async () => {
    const run = await connected().start(nesting, 100);
    for (const { signals } of cases) for (const name of signals) await run.signal(name, 'payload');
    const output = (await run.result({ timeout: '20s' })) as unknown[];
    expect(Object.fromEntries(cases.map(({ name }, i) => [name, output[i]]))).toEqual(
      Object.fromEntries(cases.map(({ name, expected }) => [name, expected(100)])),
    );
  });

  test('delays first and last, one behind the other and behind a signal, pass their value on', async () => {
    const run = await connected().start(delays, 'ignored');
    await run.signal('word', 'so');
    expect(await run.result({ timeout: '20s' })).toBe('so!');
  });

  test('the same child flow can be used twice, each use with ids of its own', async () => {
    const run = await connected().start(twice, 'you');
    expect(await run.result({ timeout: '20s' })).toBe('hello hello you');
    expect(await run.taskResult('greet/say')).toBe('hello you');
    expect(await run.taskResult('greet#2/say')).toBe('hello hello you');
  });

  test('two workflows with equal task ids on one worker each run their own function', async () => {
    const runs = await Promise.all([connected().start(left, 1), connected().start(right, 1)]);
    expect(await Promise.all(runs.map((run) => run.result({ timeout: '20s' })))).toEqual(['left 1', 'right 1']);
    expect(left.hash).not.toBe(right.hash);
  });
}
