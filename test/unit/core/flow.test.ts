import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidDefinitionError, InvalidDurationError } from '../../../src/core/errors.js';
import { branch, flow, isFlow, isWorkflow, LoopResult, signal, task } from '../../../src/core/flow.js';
import type { Node } from '../../../src/core/tree.js';

const same = <T>(value: T): T => value;
const done = (n: number) => LoopResult.done(n);
const root = (built: { tree: { root: readonly Node[] } }): readonly Node[] => built.tree.root;

describe('what each step becomes', () => {
  test('a task, with its policy in milliseconds and its tags in order', () => {
    const options = {
      timeout: '10s',
      retry: { maxRetries: 3, initialDelay: '200ms', maxDelay: '5s' },
      priority: 1,
      tags: ['gpu', 'eu', 'gpu'],
      version: '2',
      description: 'pays',
      metadata: { team: 'shop' },
    } as const;
    const charge = task('charge', same<number>, options);
    expect(root(flow<number>('f').then(charge).build())).toEqual([
      {
        kind: 'task',
        id: 'charge',
        version: '2',
        transactional: false,
        fn: charge.fn,
        policy: {
          timeoutMs: 10_000,
          priority: 1,
          tags: ['eu', 'gpu'],
          description: 'pays',
          metadata: { team: 'shop' },
          retry: { maxRetries: 3, initialDelayMs: 200, backoffMultiplier: 2, maxDelayMs: 5_000, jitter: 0 },
        },
      },
    ]);
    expect(root(flow<number>('f').then('charge', charge.fn, options).build())).toEqual(
      root(flow<number>('f').then(charge).build()),
    );
  });

  test('a task keeps its bare function, so that it can be tested alone', () => {
    expect(task('t', same<number>).fn).toBe(same);
    expect(
      root(
        flow<number>('f')
          .then(task.transaction('t', same<number>))
          .build(),
      ),
    ).toMatchObject([{ transactional: true, fn: same }]);
  });

  test('a fork, with or without a function for its join', () => {
    const forked = flow<number>('f').fork([
      branch('a', same),
      branch('b', task('t', same<number>)),
      branch('c', flow<number>('c').delay('d', 5)),
    ]);
    expect(root(forked.build())).toMatchObject([
      {
        kind: 'fork',
        id: 'fork',
        branches: [
          { name: 'a', body: [{ kind: 'task', id: 'a' }] },
          { name: 'b', body: [{ kind: 'task', id: 't' }] },
          { name: 'c', body: [{ kind: 'delay', id: 'd', durationMs: 5 }] },
        ],
      },
    ]);
    expect(root(forked.build())[0]).not.toHaveProperty('join');
    expect(root(forked.join('merge', same).build())).toMatchObject([{ kind: 'fork', id: 'merge', join: { fn: same } }]);
  });

  test('a route, in the order of its branches', () => {
    const key = () => 'a';
    const routed = flow<number>('f').route(key, ['a', 'b']).branch('b', same).defaultBranch(same).done();
    expect(root(routed.build())).toMatchObject([
      {
        kind: 'route',
        id: 'route',
        key,
        branches: [{ key: 'b', body: [{ id: 'b' }] }],
        otherwise: [{ id: 'default' }],
      },
    ]);
    expect(root(flow('f').route('which', key, ['a']).branch('a', same).done().build())).toMatchObject([
      { id: 'which' },
    ]);
  });

  test('a loop runs at most ten times and fails then, unless it says otherwise', () => {
    expect(root(flow<number>('f').loop('l', done).build())).toMatchObject([
      { kind: 'loop', id: 'l', maxIterations: 10, onMax: 'fail', body: [{ kind: 'task', id: 'l' }] },
    ]);
    expect(
      root(flow<number>('f').loop('l', done, { maxIterations: 1, onMax: 'exit_with_last' }).build()),
    ).toMatchObject([{ maxIterations: 1, onMax: 'exit_with_last' }]);
  });

  test('a map, with or without a limit', () => {
    expect(root(flow<number[]>('f').map('m', same).build())).toMatchObject([
      { kind: 'map', id: 'm', body: [{ kind: 'task', id: 'm' }] },
    ]);
    expect(root(flow<number[]>('f').map('m', same).build())[0]).not.toHaveProperty('concurrency');
    expect(root(flow<number[]>('f').map('m', same, { concurrency: 2 }).build())).toMatchObject([{ concurrency: 2 }]);
  });

  test('a wait takes the name of its signal for its id, and the schema of its token', () => {
    const schema = z.object({ ok: z.boolean() });
    const built = flow('f')
      .waitForSignal(signal('go', { schema }))
      .waitForSignal('go', { timeout: '1m' })
      .waitForSignal('go', { id: 'third' })
      .build();
    expect(root(built)).toEqual([
      { kind: 'signal', id: 'go', signal: 'go', schema },
      { kind: 'signal', id: 'go#2', signal: 'go', timeoutMs: 60_000 },
      { kind: 'signal', id: 'third', signal: 'go' },
    ]);
  });

  test('a workflow knows its name, metadata and nodes', () => {
    const inner = flow<number>('inner').then('t', same, { tags: ['gpu'] });
    const built = flow<number>('f', { metadata: { owner: 'me' } })
      .fork([branch('a', inner), branch('b', flow<number>('b').loop('l', done))])
      .then('list', () => [1])
      .map('m', same)
      .thenFlow(flow('child').waitForSignal('go'))
      .then(task.transaction('write', same))
      .build();
    expect(built).toMatchObject({
      name: 'f',
      metadata: { owner: 'me' },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(
      built.nodes().map(({ path, kind, id, transactional }) => `${path} ${kind} ${id}${transactional ? ' tx' : ''}`),
    ).toEqual([
      '/0 fork fork',
      '/0/b0/0 task t',
      '/0/b1/0 loop l',
      '/0/b1/0#*/0 task l',
      '/1 task list',
      '/2 map m',
      '/2#*/0 task m',
      '/3 child child',
      '/3/0 signal child/go',
      '/4 task write tx',
    ]);
    expect(built.nodes()[1]).toMatchObject({ tags: ['gpu'] });
    expect(isWorkflow(built) && !isWorkflow(inner) && isFlow(inner) && !isFlow(built)).toBe(true);
  });
});

describe('reuse', () => {
  test('a flow never changes: a prefix goes on in several ways', () => {
    const prefix = flow<number>('f').then('a', same);
    const left = prefix.then('b', same);
    const right = prefix.fork([branch('x', same)]);
    right.join('j', same);
    expect([prefix, left, right].map((each) => root(each.build()).map(({ id }) => id))).toEqual([
      ['a'],
      ['a', 'b'],
      ['a', 'fork'],
    ]);
  });

  test('branches of a route may be continued in several ways', () => {
    const begun = flow<number>('f')
      .route((): string => 'a', ['a', 'b'])
      .branch('a', same);
    const one = begun.branch('b', same).done().build();
    const other = begun.defaultBranch(same).done().build();
    expect(root(one)[0]).not.toHaveProperty('otherwise');
    expect(root(other)).toMatchObject([{ branches: [{ key: 'a' }] }]);
  });

  test('nothing of a built workflow can be changed, nor through what it was made of', () => {
    const tags = ['a'];
    const metadata = { owner: { name: 'me' } };
    const branches = [branch('x', same), branch('y', same)];
    const keys = ['k'];
    const built = flow<number>('f', { metadata })
      .then('t', same, { tags, metadata, retry: 1 })
      .fork(branches)
      .route((): string => 'k', keys)
      .branch('k', same)
      .done()
      .thenFlow(
        flow('child').loop(
          'l',
          flow<unknown>('body').then('judge', (n) => LoopResult.done(n)),
        ),
      )
      .build();
    const before = JSON.stringify(built);
    tags.push('b');
    metadata.owner.name = 'you';
    branches.pop();
    keys.push('l');
    expect(JSON.stringify(built)).toBe(before);
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    expect(isFrozen(built)).toBe(true);
  });
});

describe('what is refused where it is written', () => {
  const refused: Record<string, () => unknown> = {
    'a name with a space': () => flow('not so'),
    'an empty name': () => flow(''),
    'a name of 65 characters': () => flow('x'.repeat(65)),
    'a name that is no string': () => flow(5 as never),
    'a task id with a slash': () => task('a/b', same),
    'a branch name with a hash': () => branch('a#2', same),
    'a signal name with a dot': () => signal('a.b'),
    'a bare signal name with a dot': () => flow('f').waitForSignal('a.b'),
    'an id of a wait': () => flow('f').waitForSignal('a', { id: 'b c' }),
    'an id of a delay': () => flow('f').delay('', 1),
    'an id of a join': () =>
      flow('f')
        .fork([branch('a', same)])
        .join('j j', same),
    'an id of a route': () => flow('f').route('r r', () => 'a', ['a']),
    'a key of a route': () => flow('f').route(() => 'a a', ['a a']),
    'an id of a loop': () => flow<number>('f').loop('l l', done),
    'an id of a map': () => flow<number[]>('f').map('m m', same),
    'a task without a function': () => task('t', 'x' as never),
    'a join without a function': () =>
      flow('f')
        .fork([branch('a', same)])
        .join('j', undefined as never),
    'a join behind something else': () =>
      (flow('f').delay('d', 1) as never as { join: (...a: unknown[]) => unknown }).join('j', same),
    'a second join': () =>
      (
        flow('f')
          .fork([branch('a', same)])
          .join('j', same) as never as { join: (...a: unknown[]) => unknown }
      ).join('k', same),
    'a route without a key function': () => flow('f').route('a', ['a'] as never, undefined as never),
    'a route without keys': () => flow('f').route(() => 'a', undefined as never),
    'a second default branch': () =>
      flow('f')
        .route(() => 'a', ['a'])
        .defaultBranch(same)
        .defaultBranch(same),
    'a branch of nothing': () => branch('b', undefined as never),
    'a branch that is something else': () => branch('b', {} as never),
    'a fork of bare functions': () => flow('f').fork([same] as never),
    'a fork of no list': () => flow('f').fork(branch('a', same) as never),
    'then() with a flow': () => flow('f').then(flow('g') as never),
    'thenFlow() with a task': () => flow('f').thenFlow(task('t', same) as never),
    'no iterations': () => flow<number>('f').loop('l', done, { maxIterations: 0 }),
    'half an iteration': () => flow<number>('f').loop('l', done, { maxIterations: 1.5 }),
    'another end of a loop': () => flow<number>('f').loop('l', done, { onMax: 'leave' as never }),
    'no concurrency': () => flow<number[]>('f').map('m', same, { concurrency: 0 }),
    'priority 0': () => task('t', same, { priority: 0 as never }),
    'priority 6': () => task('t', same, { priority: 6 as never }),
    'priority 2.5': () => task('t', same, { priority: 2.5 as never }),
    '21 tags': () => task('t', same, { tags: Array.from({ length: 21 }, (_, i) => `t${i}`) }),
    'an empty tag': () => task('t', same, { tags: [''] }),
    'a tag of 65 characters': () => task('t', same, { tags: ['x'.repeat(65)] }),
    'tags that are no list': () => task('t', same, { tags: 'gpu' as never }),
    'negative retries': () => task('t', same, { retry: -1 }),
    'a jitter above 1': () => task('t', same, { retry: { maxRetries: 1, jitter: 2 } }),
    'an empty version': () => task('t', same, { version: '' }),
    'metadata that JSON refuses': () => task('t', same, { metadata: 5n as never }),
    'a schema that is none': () => task('t', same, { input: {} as never }),
    'a schema of a signal that is none': () => signal('s', { schema: {} as never }),
    'a flow version that is no string': () => flow('f', { version: 2 as never }),
  };
  test.each(Object.entries(refused))('%s', (_, define) => {
    expect(define).toThrow(InvalidDefinitionError);
  });

  test.each([
    ['a timeout', () => task('t', same, { timeout: '10' })],
    ['a delay', () => flow('f').delay('d', -1)],
    ['a wait', () => flow('f').waitForSignal('s', { timeout: 'soon' })],
    ['a delay before a retry', () => task('t', same, { retry: { maxRetries: 1, initialDelay: Number.NaN } })],
  ])('a duration of %s that is none', (_, define) => {
    expect(define).toThrow(InvalidDurationError);
  });

  test('20 distinct tags are allowed, however often they are said', () => {
    const tags = Array.from({ length: 20 }, (_, i) => `t${i}`);
    expect(task('t', same, { tags: [...tags, ...tags] }).policy.tags).toHaveLength(20);
  });

  test('an awaited flow says what is wrong with it', async () => {
    const awaited = (async () => await (flow('f').delay('d', 1) as never))();
    await expect(awaited).rejects.toBeInstanceOf(InvalidDefinitionError);
    await expect(awaited).rejects.toThrow('a Flow was awaited; call .build()');
  });
});
