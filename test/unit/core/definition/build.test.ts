import { describe, expect, test } from 'vitest';
import { InvalidDefinitionError } from '../../../../src/core/errors.js';
import { branch, flow, type Workflow } from '../../../../src/core/flow.js';

const same = <T>(value: T): T => value;
const ids = (built: Workflow): string[] => built.nodes().map(({ id }) => id);
const anyRoute = (id: string | undefined, ...branches: [string, unknown][]) => {
  const key = () => 'a';
  const begun = (id === undefined
    ? flow('f').route(key, ['a', 'b'])
    : flow('f').route(id, key, ['a', 'b'])) as never as Loose;
  return branches
    .reduce((route, [name, body]) => (name === '*' ? route.defaultBranch(body) : route.branch(name, body)), begun)
    .done();
};
interface Loose {
  branch(key: string, body: unknown): Loose;
  defaultBranch(body: unknown): Loose;
  done(): { build(): Workflow };
}

describe('what only the whole shows is refused by build()', () => {
  const refused: Record<string, [() => { build(): unknown }, RegExp]> = {
    'a flow without steps': [() => flow('f'), /^f: the flow f has no steps/],
    'a branch without steps': [
      () => flow('f').fork([branch('a', flow('g'))]),
      /^f, step 1, branch "a": the flow g has no steps/,
    ],
    'a child without steps': [() => flow('f').thenFlow(flow('child')), /^child: the flow child has no steps/],
    'a fork without branches': [() => flow('f').fork([]), /^f, step 1: a fork needs at least one branch/],
    'a fork with two branches of one name': [
      () => flow('f').fork([branch('a', same), branch('a', same)]),
      /^f, step 1: the fork has "a" twice/,
    ],
    'a route without one of its branches': [
      () => anyRoute('r', ['a', same]),
      /^f, step 1: route r has no branch for b, and no default branch/,
    ],
    'a route with a branch that is no key': [
      () => anyRoute('r', ['a', same], ['b', same], ['c', same]),
      /route r has a branch "c", which is none of its keys: a, b/,
    ],
    'a route with a branch twice': [
      () => anyRoute(undefined, ['a', same], ['b', same], ['a', same]),
      /route route has "a" twice/,
    ],
    'a route with a key twice': [
      () =>
        flow('f')
          .route(() => 'a', ['a', 'a'])
          .branch('a', same)
          .done(),
      /has "a" twice/,
    ],
    'a route with nothing at all': [
      () => (flow('f').route(() => 'a', []) as never as Loose).done(),
      /no keys and no default branch/,
    ],
  };
  test.each(Object.entries(refused))('%s', (_, [define, message]) => {
    const flow = define();
    expect(() => flow.build()).toThrow(InvalidDefinitionError);
    expect(() => flow.build()).toThrow(message);
  });

  test('a default branch stands in for every key', () => {
    expect(ids(anyRoute('r', ['*', same]).build())).toEqual(['r', 'default']);
  });
});

test('a flow of 3,000 steps builds within a moment', () => {
  const long = Array.from({ length: 3_000 }).reduce<ReturnType<typeof flow>>(
    (built, _, i) => built.then(`s${i}`, same) as never,
    flow('long'),
  );
  const started = performance.now();
  expect(long.build().tree.root).toHaveLength(3_000);
  expect(performance.now() - started).toBeLessThan(1_000);
});
