import { expect, test } from 'vitest';
import { ConfigError, RunExistsError, RunNotFoundError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { type Rules, soon } from './theme.js';

export function starting(rules: Rules): void {
  const echo = rules.known(
    flow<string>('echoed')
      .then('same', (text) => text)
      .build(),
  );
  const asking = rules.known(flow<string>('asking').waitForSignal<string>('word').build());
  const kind = (error: unknown) => (error instanceof RunExistsError ? 'exists' : error);

  test('fail: of 100 concurrent starts of one id exactly one wins', async () => {
    const starts = Array.from({ length: 100 }, (_, i) => rules.baton.start(asking, String(i), { id: 'contested' }));
    const settled = await Promise.allSettled(starts);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refusals = settled.flatMap((one) => (one.status === 'rejected' ? [kind(one.reason)] : []));
    expect(refusals).toEqual(Array(99).fill('exists'));
  });
  test('fail refuses the id of any current run, ended or not', async () => {
    const run = await rules.baton.start(echo, 'a', { id: 'taken' });
    await expect(rules.baton.start(asking, 'b', { id: 'taken' })).rejects.toMatchObject({
      code: 'RUN_EXISTS',
      workflow: 'echoed',
    });
    await run.result(soon);
    await expect(rules.baton.start(asking, 'b', { id: 'taken', conflict: 'fail' })).rejects.toThrow(/\(completed\)/);
  });

  test('use_existing gives that run, ended or not, and ignores the new input', async () => {
    const first = await rules.baton.start(echo, 'a', { id: 'used' });
    const options = { id: 'used', conflict: 'use_existing' } as const;
    expect(await (await rules.baton.start(echo, 'b', options)).result(soon)).toBe('a');
    await first.result(soon);
    expect(await (await rules.baton.start(echo, 'c', options)).result(soon)).toBe('a');
  });
  test('use_existing of 100 concurrent starts is one run', async () => {
    const options = { id: 'shared', conflict: 'use_existing' } as const;
    const runs = await Promise.all(Array.from({ length: 100 }, (_, i) => rules.baton.start(echo, String(i), options)));
    const outputs = new Set(await Promise.all(runs.map((run) => run.result(soon))));
    expect(outputs.size).toBe(1);
  });
  test("use_existing refuses a run of another workflow's", async () => {
    await rules.baton.start(asking, 'a', { id: 'foreign' });
    const again = rules.baton.start(echo, 'b', { id: 'foreign', conflict: 'use_existing' });
    await expect(again).rejects.toMatchObject({ code: 'RUN_EXISTS', workflow: 'asking' });
  });

  test('terminate_existing cancels a live run, whose result is rejected, and starts anew; each handle keeps its run', async () => {
    const first = await rules.baton.start(asking, 'a', { id: 'replaced' });
    const found = rules.baton.run('replaced');
    expect(await found.status()).toMatchObject({ status: 'awaiting_signal' });
    const waiting = expect(first.result(soon)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    const second = await rules.baton.start(asking, 'b', { id: 'replaced', conflict: 'terminate_existing' });
    await waiting;
    for (const handle of [first, found]) expect(await handle.status()).toMatchObject({ status: 'cancelled' });
    await expect(first.signal('word', 'for whom')).rejects.toMatchObject({ code: 'RUN_TERMINAL' });
    await second.signal('word', 'for the second');
    expect(await second.result(soon)).toBe('for the second');
    expect(await rules.baton.run(asking, 'replaced').result(soon)).toBe('for the second');
  });
  test('terminate_existing sets an ended run aside, which keeps its result', async () => {
    const first = await rules.baton.start(echo, 'a', { id: 'aside' });
    await first.result(soon);
    const second = await rules.baton.start(echo, 'b', { id: 'aside', conflict: 'terminate_existing' });
    expect(await second.result(soon)).toBe('b');
    expect(await first.result(soon)).toBe('a');
    const ids = [];
    for await (const { id, status } of rules.baton.list({ workflow: 'echoed' })) if (id === 'aside') ids.push(status);
    expect(ids).toEqual(['completed', 'completed']);
  });
  test('terminate_existing of 20 concurrent starts leaves one run alive', async () => {
    const options = { id: 'king', conflict: 'terminate_existing' } as const;
    const runs = await Promise.all(Array.from({ length: 20 }, (_, i) => rules.baton.start(asking, String(i), options)));
    const statuses = await Promise.all(runs.map((run) => run.status()));
    expect(statuses.filter(({ status }) => status === 'awaiting_signal')).toHaveLength(1);
    expect(statuses.filter(({ status }) => status === 'cancelled')).toHaveLength(19);
  });

  test('startMany: one that is refused is told, and the others start', async () => {
    await rules.baton.start(asking, 'x', { id: 'many-1' });
    const started = rules.baton.startMany(echo, ['0', '1', '2'], { id: (input) => `many-${input}` });
    await expect(started).rejects.toMatchObject({ code: 'RUN_EXISTS', runId: 'many-1' });
    for (const n of ['0', '2']) expect(await rules.baton.run(`many-${n}`).result(soon)).toBe(n);
  });
  test('startMany gives the handles in order of the inputs, and options to all', async () => {
    const runs = await rules.baton.startMany(echo, ['a', 'b', 'c'], { priority: 2, metadata: { batch: 7 } });
    expect(await Promise.all(runs.map((run) => run.result(soon)))).toEqual(['a', 'b', 'c']);
    for (const run of runs) expect(await run.describe()).toMatchObject({ priority: 2, metadata: { batch: 7 } });
  });

  test('ids have 1 to 256 bytes; without one it is a UUID of version 7', async () => {
    expect((await rules.baton.start(echo, 'a')).id).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
    const long = 'é'.repeat(128);
    expect(await (await rules.baton.start(echo, 'long', { id: long })).result(soon)).toBe('long');
    expect(await rules.baton.run(long).result(soon)).toBe('long');
    for (const id of ['', `${long}x`, 'a\0b', 7 as never])
      await expect(rules.baton.start(echo, 'a', { id })).rejects.toThrow(ConfigError);
  });
  test('options that are none are refused by name', async () => {
    for (const options of [{ conflict: 'replace' }, { priority: 0 }, { priority: 6 }, { metdata: 1 }, { metadata: 1n }])
      await expect(rules.baton.start(echo, 'a', options as never)).rejects.toThrow(ConfigError);
  });

  test('a handle of no run says so at each use, until there is one; with another workflow it is refused', async () => {
    const handle = rules.baton.run('later');
    for (const use of [
      handle.status(),
      handle.result(),
      handle.cancel(),
      handle.signal('word'),
      handle.taskResult('same'),
    ])
      await expect(use).rejects.toThrow(RunNotFoundError);
    await rules.baton.start(echo, 'now', { id: 'later' });
    expect(await handle.result(soon)).toBe('now');
    await expect(rules.baton.run(asking, 'later').status()).rejects.toMatchObject({ code: 'DEFINITION_MISMATCH' });
  });
}
