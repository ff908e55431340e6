import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { encrypted } from '../../../examples/encryption/codec.mjs';
import { type Codec, jsonCodec } from '../../../src/core/codec.js';
import { branch, flow, LoopResult, task, type Workflow } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { type Rules, soon } from './theme.js';

const SECRET = 'the-plaintext-that-must-not-be-stored';
const keyOf = (id: string) => ({ id, key: randomBytes(32) });
let namespaces = 0;

export function encoding(rules: Rules): void {
  const rich = rules.known(
    flow<unknown>('rich')
      .then('same', (value) => value)
      .build(),
  );
  test('keeps dates, bytes, bigints, maps, sets and undefined, without one of your own', async () => {
    const values = {
      at: new Date(5),
      big: 7n,
      bytes: Buffer.from('x'),
      array: new Uint8Array([1, 2]),
      map: new Map([[1, new Set(['a'])]]),
      nothing: undefined,
      odd: [Number.NaN, -0],
    };
    expect(await (await rules.baton.start(rich, values)).result(soon)).toEqual(values);
    expect(await (await rules.baton.start(rich, undefined)).result(soon)).toBeUndefined();
  });

  const functional = rules.known(
    flow<number>('functional')
      .then(task('gives', () => () => 1, { retry: 3 }))
      .build(),
  );
  test('what it cannot write is a final, typed error', async () => {
    await expect(rules.baton.start(rich, () => 1)).rejects.toMatchObject({ code: 'CODEC' });
    await expect((await rules.baton.start(functional, 1)).result(soon)).rejects.toMatchObject({
      task: 'gives',
      attempt: 1,
      cause: { code: 'CODEC', message: expect.stringMatching(/output of gives/) },
    });
  });

  /** Each codec is another process of one namespace, whose worker runs these. */
  const secret = flow<string>('secret')
    .then('list', (word) => [word, `${word}!`])
    .map('each', (word: string) => word)
    .loop('round', (words: string[]) => LoopResult.done(words))
    .fork([branch('left', (words: string[]) => words), branch('right', (words: string[]) => words.length)])
    .route('which', () => 'on', ['on'] as const)
    .branch('on', ([words]: [string[], number]) => words)
    .done()
    .waitForSignal<string>('word')
    .then('end', (word) => [word])
    .build();
  const isolated = async (
    codec: Codec | undefined,
    workflows: Workflow[],
    namespace = `codec-${process.pid}-${++namespaces}`,
  ) => {
    const baton = await rules.place.connect({ namespace, ...(codec === undefined ? {} : { codec }) });
    const work = async () => {
      if (workflows.length > 0) await baton.worker({ workflows }).start();
    };
    return { baton, namespace, work };
  };

  test('that encrypts: nothing of inputs, outputs, elements, branches, verdicts and signals is stored as it was', async () => {
    const plain = `plain-${SECRET}`;
    const runSecret = async (codec: Codec | undefined, word: string) => {
      const { baton, work } = await isolated(codec, [secret]);
      await work();
      const run = await baton.start(secret, word);
      await run.signal('word', word);
      expect(await run.result(soon)).toEqual([word]);
      expect(await run.taskResult('each')).toEqual([word, `${word}!`]);
      expect(await run.taskResult('which')).toEqual({ branch: 'on', result: [word, `${word}!`] });
      await baton.close();
    };
    await runSecret(encrypted(jsonCodec, [keyOf('k1')]), `hidden-${SECRET}`);
    await runSecret(undefined, plain);
    const stored = await rules.place.stored();
    expect(stored.includes(plain), 'the search finds what is there').toBe(true);
    expect(stored.includes(`hidden-${SECRET}`)).toBe(false);
  });

  const [oldKey, newKey] = [keyOf('2025'), keyOf('2026')];
  const handed = flow<string>('handed')
    .waitForSignal<string>('word')
    .then('both', (word) => word)
    .waitForSignal<string>('end')
    .then('all', (word) => word)
    .build();
  test('that encrypts: a new key writes from its first use on, and what the old one wrote is still read', async () => {
    const before = await isolated(encrypted(jsonCodec, [oldKey]), [handed]);
    await before.work();
    const run = await before.baton.start(handed, 'in');
    await run.signal('word', 'one');
    await eventually(async () => expect(await run.taskResult('both')).toBe('one'));
    await before.baton.close();
    const after = await isolated(encrypted(jsonCodec, [newKey, oldKey]), [handed], before.namespace);
    await after.work();
    const again = after.baton.run(handed, run.id);
    await again.signal('end', 'two');
    await eventually(async () => expect(await again.status()).toEqual({ status: 'completed', output: 'two' }));
    expect(await again.taskResult('both')).toBe('one');
    await after.baton.close();
    const only = await isolated(encrypted(jsonCodec, [newKey]), [], before.namespace);
    expect(await only.baton.run(run.id).taskResult('all')).toBe('two');
    await expect(only.baton.run(run.id).taskResult('both')).rejects.toMatchObject({
      code: 'CODEC',
      message: expect.stringMatching(/key "2025", which is not given/),
    });
    await only.baton.close();
  });

  const reads = flow<string>('reads')
    .then(task('read', (word: string) => word, { retry: { maxRetries: 3, initialDelay: 1 } }))
    .build();
  test.each([
    ['another key of that id', [{ ...keyOf('2025') }]],
    ['keys of other ids', [newKey]],
  ])(
    'that encrypts, with %s: what it cannot read fails its run at once, typed, and retry() mends it',
    async (_, keys) => {
      const starter = await isolated(encrypted(jsonCodec, [oldKey]), []);
      const run = await starter.baton.start(reads, 'in');
      const wrong = await isolated(encrypted(jsonCodec, keys), [reads], starter.namespace);
      await wrong.work();
      const error = {
        task: 'read',
        attempt: 1,
        cause: { code: 'CODEC', message: expect.stringMatching(/can't be read/) },
      };
      await expect(run.result(soon)).rejects.toMatchObject(error);
      await wrong.baton.close();
      const right = await isolated(encrypted(jsonCodec, [oldKey]), [reads], starter.namespace);
      await right.work();
      await run.retry();
      expect(await run.result(soon)).toBe('in');
      const reader = await isolated(encrypted(jsonCodec, keys), [], starter.namespace);
      await expect(reader.baton.run(run.id).result(soon)).rejects.toMatchObject({ code: 'CODEC' });
      for (const { baton } of [reader, right, starter]) await baton.close();
    },
  );

  const everywhere: Readonly<Record<string, Workflow>> = {
    join: flow<unknown>('unread-join')
      .fork([branch('a', (x) => x)])
      .join('merge', (x) => x)
      .build(),
    route: flow<unknown>('unread-route')
      .route('which', () => 'a', ['a'] as const)
      .branch('a', (x) => x)
      .done()
      .build(),
    map: flow<unknown[]>('unread-map')
      .map('each', (x) => x)
      .build(),
    loop: flow<unknown>('unread-loop')
      .loop('round', (x) => LoopResult.done(x))
      .build(),
    signal: flow<unknown>('unread-signal').waitForSignal('word').build(),
  };
  test('whose decode() throws, hangs no node of any kind: each run fails with what it threw', async () => {
    const half: Codec = {
      encode: (value) => jsonCodec.encode(value),
      decode: () => {
        throw new Error('no key today');
      },
    };
    const { baton, work } = await isolated(half, Object.values(everywhere));
    await work();
    for (const workflow of Object.values(everywhere)) {
      const run = await baton.start(workflow, [1]);
      if (workflow === everywhere.signal) await run.signal('word', 1);
      await expect(run.result(soon)).rejects.toMatchObject({
        code: 'RUN_FAILED',
        cause: { code: 'CODEC', message: expect.stringMatching(/no key today/) },
      });
    }
    await baton.close();
  });
  test('whose encode() throws, or gives no bytes, says so where it was called', async () => {
    const broken = { encode: () => 'text', decode: (bytes: Uint8Array) => bytes } as unknown as Codec;
    const { baton } = await isolated(broken, []);
    await expect(baton.start(reads, 'in')).rejects.toMatchObject({
      code: 'CODEC',
      message: expect.stringMatching(/input of workflow reads.*Uint8Array/),
    });
    await baton.close();
  });
}
