import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { branch, flow, LoopResult, type TaskOptions } from '../../../src/core/flow.js';

const same = <T>(value: T): T => value;

interface Shape {
  name: string;
  version: string | undefined;
  task: string;
  taskVersion: string | undefined;
  delay: string;
  signal: string;
  wait: string;
  branch: string;
  join: string | undefined;
  route: string;
  key: string;
  other: boolean;
  loop: string;
  map: string;
  child: string;
  childVersion: string | undefined;
  inner: string;
}
interface Policy {
  options: TaskOptions;
  delay: string | number;
  timeout: string;
  maxIterations: number;
  onMax: 'fail' | 'exit_with_last';
  concurrency: number | undefined;
  fn: (value: unknown) => unknown;
  metadata: string;
}

const SHAPE: Shape = {
  name: 'pinned',
  version: '1',
  task: 'first',
  taskVersion: 'a',
  delay: 'rest',
  signal: 'go',
  wait: 'wait',
  branch: 'left',
  join: 'merge',
  route: 'which',
  key: 'yes',
  other: true,
  loop: 'again',
  map: 'each',
  child: 'child',
  childVersion: '7',
  inner: 'inside',
};
const POLICY: Policy = {
  options: {},
  delay: '1s',
  timeout: '1m',
  maxIterations: 5,
  onMax: 'fail',
  concurrency: undefined,
  fn: same,
  metadata: 'm',
};

/** A workflow with a node of every kind. */
function built(shape: Partial<Shape> = {}, policy: Partial<Policy> = {}) {
  const s = { ...SHAPE, ...shape };
  const p = { ...POLICY, ...policy };
  const forked = flow<unknown>(s.name, { version: s.version, metadata: p.metadata })
    .then(s.task, p.fn, { ...p.options, version: s.taskVersion })
    .delay(s.delay, p.delay)
    .waitForSignal(s.signal, { id: s.wait, timeout: p.timeout })
    .fork([branch(s.branch, flow('sub').then('leaf', p.fn)), branch('right', p.fn)]);
  const routed = (s.join === undefined ? forked : forked.join(s.join, p.fn))
    .route(s.route, (): string => s.key, [s.key])
    .branch(s.key, p.fn);
  return (s.other ? routed.defaultBranch(p.fn) : routed)
    .done()
    .loop(s.loop, (v) => LoopResult.done(v), { maxIterations: p.maxIterations, onMax: p.onMax })
    .then('list', () => [1])
    .map(s.map, p.fn, { concurrency: p.concurrency })
    .thenFlow(flow<unknown>(s.child, { version: s.childVersion }).then(s.inner, p.fn))
    .build();
}

describe('the structure hash', () => {
  // Never adapt this: stored runs carry it, and another hash strands them.
  test('of this workflow is, and stays', () => {
    expect(built().hash).toBe('9419c00426029a6191e55ae77f4bdae76145dad4f6f4be39bf1a4b6555b28c7f');
  });

  test('is the same for the same structure, built anew', () => {
    expect(built().hash).toBe(built().hash);
  });

  const changes: [keyof Shape, string | boolean | undefined][] = [
    ['name', 'other'],
    ['version', '2'],
    ['version', undefined],
    ['task', 'other'],
    ['taskVersion', 'b'],
    ['taskVersion', undefined],
    ['delay', 'other'],
    ['signal', 'other'],
    ['wait', 'other'],
    ['branch', 'other'],
    ['join', 'other'],
    ['join', undefined],
    ['route', 'other'],
    ['key', 'other'],
    ['other', false],
    ['loop', 'other'],
    ['map', 'other'],
    ['child', 'other'],
    ['childVersion', '8'],
    ['inner', 'other'],
  ];
  test.each(changes)('changes with %s: %j', (field, value) => {
    expect(built({ [field]: value }).hash).not.toBe(built().hash);
  });

  test('tells kinds, orders and nesting apart', () => {
    const a = flow('f').then('a', same).then('b', same);
    const flows = [
      a,
      flow('f').then('b', same).then('a', same),
      flow('f').then('a', same).delay('b', 1),
      flow('f').fork([branch('a', same), branch('b', same)]),
      flow('f').fork([branch('b', same), branch('a', same)]),
      flow('f').thenFlow(flow('g').then('a', same).then('b', same)),
      flow('f').thenFlow(flow('g').then('a', same)).then('b', same),
      flow('f').loop(
        'a',
        flow('g').then('b', (v) => LoopResult.done(v)),
      ),
    ];
    expect(new Set(flows.map((each) => each.build().hash)).size).toBe(flows.length);
  });

  const policies: Partial<Policy>[] = [
    { options: { timeout: '5s' } },
    {
      options: {
        retry: 3,
        priority: 1,
        tags: ['gpu'],
        description: 'd',
        metadata: { a: 1 },
        input: z.any(),
        output: z.any(),
      },
    },
    { delay: 5 },
    { timeout: '2d' },
    { maxIterations: 99 },
    { onMax: 'exit_with_last' },
    { concurrency: 2 },
    { fn: () => 'another' },
    { metadata: 'n' },
  ];
  test.each(policies)('stays under policy: %j', (policy) => {
    expect(built({}, policy).hash).toBe(built().hash);
  });
});
