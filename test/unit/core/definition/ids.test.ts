import { describe, expect, test } from 'vitest';
import { InvalidDefinitionError } from '../../../../src/core/errors.js';
import { branch, flow, LoopResult, task, type Workflow } from '../../../../src/core/flow.js';

const same = <T>(value: T): T => value;
const t = (id: string) => task(id, same<unknown>);
const ids = (built: Workflow): string[] => built.nodes().map(({ id }) => id);

describe('ids that the user wrote', () => {
  const twice: Record<string, [() => { build(): unknown }, string, string]> = {
    'two tasks': [() => flow('f').then(t('x')).delay('d', 1).then(t('x')), 'f, step 1', 'f, step 3'],
    'a task and a delay': [() => flow('f').then(t('x')).delay('x', 1), 'f, step 1', 'f, step 2'],
    'a wait and a loop': [
      () =>
        flow('f')
          .waitForSignal('s', { id: 'x' })
          .loop('x', (n) => LoopResult.done(n)),
      'f, step 1',
      'f, step 2',
    ],
    'a join and a task': [
      () =>
        flow('f')
          .fork([branch('a', same)])
          .join('x', same)
          .then(t('x')),
      'f, step 1',
      'f, step 2',
    ],
    'a route and a task': [
      () =>
        flow('f')
          .then(t('x'))
          .route('x', () => 'a', ['a'])
          .branch('a', same)
          .done(),
      'f, step 1',
      'f, step 2',
    ],
    'a loop and a task in its body': [
      () =>
        flow('f').loop(
          'x',
          flow('body')
            .then(t('x'))
            .then('judge', (n) => LoopResult.done(n)),
        ),
      'f, step 1',
      'f, step 1, step 1',
    ],
    'tasks in two branches': [
      () => flow('f').fork([branch('a', t('x')), branch('b', flow('g').delay('d', 1).then(t('x')))]),
      'f, step 1, branch "a"',
      'f, step 1, branch "b", step 2',
    ],
    'a task and one in a default branch': [
      () =>
        flow('f')
          .then(t('x'))
          .route(() => 'a', ['a'])
          .branch('a', same)
          .defaultBranch(t('x'))
          .done(),
      'f, step 1',
      'f, step 2, branch "default"',
    ],
    'an unbuilt flow in two branches': [
      () => flow('f').fork([branch('a', flow('g').then(t('x'))), branch('b', flow('g').then(t('x')))]),
      'f, step 1, branch "a", step 1',
      'f, step 1, branch "b", step 1',
    ],
    'a task and one in an unbuilt flow of a map': [
      () =>
        flow<number[]>('f')
          .map('m', flow<number>('g').then(t('x')))
          .then(t('x')),
      'f, step 1, step 1',
      'f, step 2',
    ],
    'two in a child flow': [
      () => flow('f').thenFlow(flow('child').then(t('x')).then(t('x'))),
      'child, step 1',
      'child, step 2',
    ],
  };
  test.each(Object.entries(twice))(
    'stand once: %s are refused, and both places named',
    (_, [define, first, second]) => {
      const built = () => define().build();
      expect(built).toThrow(InvalidDefinitionError);
      expect(built).toThrow(`has the id "x" twice: at ${first}, and at ${second};`);
    },
  );

  test('the only task of a loop or map may have its id, as a bare function does', () => {
    const judge = (n: unknown) => LoopResult.done(n);
    expect(
      ids(
        flow('f')
          .loop('l', task('l', judge))
          .then('list', () => [1])
          .map('m', t('m'))
          .build(),
      ),
    ).toEqual(['l', 'l', 'list', 'm', 'm']);
    expect(
      ids(
        flow('f')
          .loop('l', judge)
          .then('list', () => [1])
          .map('m', same)
          .build(),
      ),
    ).toEqual(['l', 'l', 'list', 'm', 'm']);
  });
});

describe('ids that are derived', () => {
  test('are counted where they are taken', () => {
    const built = flow('f')
      .fork([branch('a', same), branch('b', same)])
      .fork([branch('a', same), branch('b', flow('g').fork([branch('a', same)]))])
      .waitForSignal('go')
      .waitForSignal('go')
      .route(() => 'a', ['a'])
      .branch('a', same)
      .done()
      .route(() => 'a', ['a'])
      .branch('a', same)
      .defaultBranch(same)
      .done()
      .build();
    expect(ids(built)).toEqual([
      'fork',
      'a',
      'b',
      'fork#2',
      'a#2',
      'fork#3',
      'a#3',
      'go',
      'go#2',
      'route',
      'a#4',
      'route#2',
      'a#5',
      'default',
    ]);
  });

  test('make way for those that the user wrote, wherever these stand', () => {
    const built = flow('f')
      .fork([branch('charge', same), branch('b', flow('g').delay('fork', 1))])
      .then(t('charge'))
      .build();
    expect(ids(built)).toEqual(['fork#2', 'charge#2', 'fork', 'charge']);
  });
});

describe('child flows', () => {
  const child = flow('child')
    .fork([branch('a', t('x')), branch('b', same)])
    .loop('l', (n) => LoopResult.done(n));

  test('have a scope of ids of their own, built or not, wherever they stand', () => {
    const built = child.build();
    const parent = flow('f')
      .then(t('x'))
      .thenFlow(child)
      .thenFlow(built)
      .fork([branch('a', built), branch('b', t('y'))])
      .build();
    expect(ids(parent)).toEqual([
      'x',
      'child',
      'child/fork',
      'child/x',
      'child/b',
      'child/l',
      'child/l',
      'child#2',
      'child#2/fork',
      'child#2/x',
      'child#2/b',
      'child#2/l',
      'child#2/l',
      'fork',
      'child#3',
      'child#3/fork',
      'child#3/x',
      'child#3/b',
      'child#3/l',
      'child#3/l',
      'y',
    ]);
    expect(ids(built)).toEqual(['fork', 'x', 'b', 'l', 'l']);
  });

  test('nest their scopes', () => {
    const middle = flow('middle')
      .thenFlow(child.build())
      .route('r', () => 'a', ['a'])
      .branch('a', t('z'))
      .defaultBranch(t('w'))
      .done();
    expect(ids(flow('f').thenFlow(middle).build())).toEqual([
      'middle',
      'middle/child',
      'middle/child/fork',
      'middle/child/x',
      'middle/child/b',
      'middle/child/l',
      'middle/child/l',
      'middle/r',
      'middle/z',
      'middle/w',
    ]);
  });

  test('keep their scope beside a task of the same name', () => {
    expect(
      ids(
        flow('f')
          .then(t('child'))
          .thenFlow(flow('child').then(t('x')))
          .build(),
      ),
    ).toEqual(['child', 'child', 'child/x']);
  });

  test('say in the tree which workflow they are, and of which version', () => {
    const built = flow('f')
      .thenFlow(flow('child', { version: '2' }).then(t('x')))
      .build();
    expect(built.tree.root).toMatchObject([{ kind: 'child', id: 'child', workflow: 'child', version: '2' }]);
  });
});
