import { expect, test } from 'vitest';
import { branch, flow, LoopResult, signal, task, type Workflow } from '../../../src/core/flow.js';
import { limits } from '../../../src/runtime/limits.js';
import { type Rules, soon } from './theme.js';

const LIMIT = limits.payloadBytes;
/** Takes this many bytes, as JSON. */
const ofBytes = (bytes: number) => 'x'.repeat(bytes - 2);
const tooLarge = (where: string, bytes = LIMIT + 1) => ({
  code: 'PAYLOAD_TOO_LARGE',
  message: `the ${where} takes ${bytes} bytes, more than ${LIMIT}; keep it elsewhere and pass a reference`,
});

export function payloadLimit(rules: Rules): void {
  const size = rules.known(
    flow<string>('sized')
      .then('length', (text) => text.length)
      .build(),
  );
  test('is 1 MiB, encoded, for an input: said at the call, and nothing is started', async () => {
    expect(await (await rules.baton.start(size, ofBytes(LIMIT))).result(soon)).toBe(LIMIT - 2);
    const refused = rules.baton.start(size, ofBytes(LIMIT + 1), { id: 'large' });
    await expect(refused).rejects.toMatchObject({
      ...tooLarge('input of workflow sized'),
      where: 'input of workflow sized',
      bytes: LIMIT + 1,
      limit: LIMIT,
    });
    await expect(rules.baton.run('large').status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  test('is that for metadata', async () => {
    const refused = rules.baton.start(size, 'x', { id: 'wordy', metadata: ofBytes(LIMIT + 1) });
    await expect(refused).rejects.toMatchObject(tooLarge('metadata of the run'));
    await expect(rules.baton.run('wordy').status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  const asks = rules.known(
    flow<string>('asks-large')
      .waitForSignal<string>('word')
      .then('length', (text) => text.length)
      .build(),
  );
  test('is that for the payload of a signal: said at the call, and the run waits on', async () => {
    const run = await rules.baton.start(asks, 'x');
    await expect(run.signal('word', ofBytes(LIMIT + 1))).rejects.toMatchObject(tooLarge('payload of signal word'));
    await run.signal('word', ofBytes(LIMIT));
    expect(await run.result(soon)).toBe(LIMIT - 2);
  });

  const grow = signal<string>('grow', {
    schema: {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: ofBytes(LIMIT + (value as number)) }) },
    },
  });
  const retried = { retry: { maxRetries: 3, initialDelay: 1 } };
  const over = () => ofBytes(LIMIT + 1);
  const verdict = LIMIT + 1 + JSON.stringify(LoopResult.again('')).length - 2;
  /** What a run in which something comes out too large fails with: final, whatever its policy says. */
  const outputs: Readonly<Record<string, readonly [Workflow, object]>> = {
    'output of a task': [
      flow<number>('large-task')
        .then(task('give', over, retried))
        .build(),
      { task: 'give', cause: tooLarge('output of give') },
    ],
    'output of a task, as its schema makes it': [
      flow<number>('large-schema')
        .then('give', () => 1, {
          ...retried,
          output: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: over() }) } },
        })
        .build(),
      { task: 'give', cause: tooLarge('output of give') },
    ],
    'output of a join': [
      flow<number>('large-join')
        .fork([branch('a', () => 1)])
        .join('merge', over)
        .build(),
      { task: 'merge', cause: tooLarge('output of merge') },
    ],
    'output of a branch': [
      flow<number>('large-branch')
        .route('which', () => 'a', ['a'] as const)
        .branch('a', over)
        .done()
        .build(),
      { task: 'a', cause: tooLarge('output of a') },
    ],
    'verdict of a loop': [
      flow<string>('large-verdict')
        .loop(
          'again',
          task('round', () => LoopResult.again(over()), retried),
        )
        .build(),
      { task: 'round', cause: tooLarge('output of round', verdict) },
    ],
    'output of an element': [
      flow<number>('large-element')
        .then('list', () => [1])
        .map('each', over)
        .build(),
      { task: 'each', cause: tooLarge('output of each') },
    ],
    'payload that grows as it is received': [
      flow<number>('large-signal').waitForSignal(grow).build(),
      { task: 'grow', cause: tooLarge('output of grow') },
    ],
    progress: [
      flow<number>('large-progress')
        .then(task('beat', (_: number, { heartbeat }) => heartbeat(over()), retried))
        .build(),
      { task: 'beat', cause: tooLarge('progress of beat') },
    ],
  };
  for (const [what, [workflow, told]] of Object.entries(outputs)) {
    rules.known(workflow);
    test(`is that for the ${what}: final, with the place and both sizes`, async () => {
      const run = await rules.baton.start(workflow, 1);
      if (workflow.name === 'large-signal') await run.signal('grow', 1);
      await expect(run.result(soon)).rejects.toMatchObject({ attempt: 1, ...told });
    });
  }

  const half = ofBytes(LIMIT / 2 + 10);
  const together = rules.known(
    flow<number>('large-together')
      .fork([branch('a', () => half), branch('b', () => half), branch('c', () => half)])
      .map('each', (text: string) => text)
      .then('count', (texts) => texts.reduce((sum, text) => sum + text.length, 0))
      .build(),
  );
  test('is for each value by itself: tuples and lists of results may be larger in all', async () => {
    expect(await (await rules.baton.start(together, 1)).result(soon)).toBe(3 * half.length);
  });
}
