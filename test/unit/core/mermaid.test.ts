import { expect, test } from 'vitest';
import { branch, flow, LoopResult } from '../../../src/core/flow.js';

const same = <T>(value: T): T => value;

test('a workflow is drawn from its start to its end', () => {
  expect(
    flow('small')
      .then('first', same)
      .delay('rest', '1s')
      .waitForSignal('go', { id: 'wait', timeout: '1m' })
      .build()
      .toMermaid(),
  ).toBe(
    [
      'flowchart TD',
      '  n0(["small"])',
      '  n1["first"]',
      '  n0 --> n1',
      '  n2[/"rest: 1000 ms"/]',
      '  n1 --> n2',
      '  n3>"signal wait: go, at most 60000 ms"]',
      '  n2 --> n3',
      '  n4(["end"])',
      '  n3 --> n4',
      '',
    ].join('\n'),
  );
});

test('branches leave their fork and meet in its join', () => {
  const chart = flow('f')
    .fork([branch('a', same), branch('b', same)])
    .join('merge', same)
    .build()
    .toMermaid();
  expect(chart).toMatch(/n1\{\{"fork"\}\}/);
  expect(chart).toContain('n1 -->|"a"| n2');
  expect(chart).toContain('n1 -->|"b"| n3');
  expect(chart).toMatch(/n4\{\{"merge"\}\}\n {2}n2 --> n4\n {2}n3 --> n4/);
});

test('the branches of a route lead on to the same node', () => {
  const chart = flow('f')
    .route((): string => 'a', ['a'])
    .branch('a', same)
    .defaultBranch(same)
    .done()
    .then('after', same)
    .build()
    .toMermaid();
  expect(chart).toContain('n1 -->|"a"| n2');
  expect(chart).toContain('n1 -->|"default"| n3');
  expect(chart).toMatch(/n4\["after"\]\n {2}n2 --> n4\n {2}n3 --> n4/);
});

test('loops, maps and children are framed, and a loop leads back', () => {
  const child = flow('child').loop('l', (v) => LoopResult.done(v));
  const chart = flow('f')
    .thenFlow(child)
    .thenFlow(child)
    .then('list', () => [1])
    .map('m', same)
    .build()
    .toMermaid();
  expect(chart.match(/subgraph/g)).toHaveLength(5);
  expect(chart.match(/^ *end$/gm)).toHaveLength(5);
  expect(chart.match(/-\.->\|"again"\|/g)).toHaveLength(2);
  expect(chart).toContain('"flow child#35;2"');
});
