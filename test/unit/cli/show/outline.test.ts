import { describe, expect, test } from 'vitest';
import { type Item, outline } from '../../../../src/cli/show/outline.js';
import type { NodeDescription } from '../../../../src/client/describe.js';
import { branch, flow, LoopResult, type Workflow } from '../../../../src/core/flow.js';
import type { ActivationState } from '../../../../src/core/model.js';

const step = (value: unknown) => value;
const records = (states: Record<string, ActivationState>): NodeDescription[] =>
  Object.entries(states).map(([path, state]) => ({ path, node: path, kind: 'task', state, attempt: 1, losses: 0 }));

/** Each item on a line: `label state`, in brackets what the run hasn't come to, indented. */
function drawn({ tree }: Workflow, states: Record<string, ActivationState>): string[] {
  const lines = (items: readonly Item[], indent: string): string[] =>
    items.flatMap(({ label, node, aside, note, reached, inside }) => {
      const text = [label, node?.state ?? aside, note && `(${note})`].filter(Boolean).join(' ');
      return [indent + (reached ? text : `[${text}]`), ...lines(inside, `${indent}  `)];
    });
  return lines(outline(tree, records(states)), '');
}

describe('the outline of a run', () => {
  test('has every node, reached or not', () => {
    const workflow = flow<number>('w').then('a', step).delay('rest', '1s').waitForSignal('go', { id: 'ask' }).build();
    expect(drawn(workflow, { '/0': 'completed', '/1': 'delayed' })).toEqual([
      'a completed',
      'delay rest delayed',
      '[signal ask (go)]',
    ]);
  });

  test('tells a branch of one step in one line, a longer one as a frame', () => {
    const workflow = flow<number>('w')
      .fork([
        branch('double', (n) => n * 2),
        branch('wait', flow<number>('wait').waitForSignal('go')),
        branch('long', flow<number>('long').then('x', step).then('y', step)),
      ])
      .join('both', step)
      .build();
    const states = {
      '/0': 'joining',
      '/0/b0/0': 'completed',
      '/0/b1/0': 'awaiting_signal',
      '/0/b2/0': 'leased',
    } as const;
    expect(drawn(workflow, states)).toEqual([
      'fork both joining',
      '  double completed',
      '  wait: signal go awaiting_signal',
      '  long',
      '    x leased',
      '    [y]',
    ]);
  });

  test('shows which branch a route took, and all of them before', () => {
    const workflow = flow<number>('w')
      .route('way', () => 'a', ['a', 'b'])
      .branch('a', step)
      .branch('b', flow<unknown>('b').then('b1', step).then('b2', step))
      .done()
      .build();
    expect(drawn(workflow, { '/0': 'completed', '/0/b1/0': 'ready' })).toEqual([
      'route way completed',
      '  [a not taken]',
      '  b',
      '    b1 ready',
      '    [b2]',
    ]);
    expect(drawn(workflow, { '/0': 'ready' })).toEqual(['route way ready', '  [a]', '  [b]', '    [b1]', '    [b2]']);
  });

  test('numbers the rounds of a loop, whose body may be a function or a flow with another in it', () => {
    const ask = flow<number>('ask')
      .thenFlow(flow<number>('inner').then('look', step))
      .then('judge', (n: unknown) => LoopResult.done(n));
    const workflow = flow<number>('w')
      .loop('count', (n) => LoopResult.done(n))
      .loop('poll', ask as never)
      .build();
    expect(drawn(workflow, { '/0#0/0': 'completed', '/0#1/0': 'completed', '/1#0/0/0': 'leased' })).toEqual([
      'loop count',
      '  #0 completed',
      '  #1 completed',
      'loop poll',
      '  #0',
      '    flow inner',
      '      look leased',
      '    [judge]',
    ]);
    expect(drawn(workflow, {})).toEqual([
      '[loop count]',
      '  [each]',
      '[loop poll]',
      '  [each]',
      '    [flow inner]',
      '      [look]',
      '    [judge]',
    ]);
  });

  test('keeps of many elements those that are under way or failed, and counts the rest', () => {
    const workflow = flow<number[]>('w').map('each', step).build();
    const states: Record<string, ActivationState> = { '/0': 'joining' };
    for (let i = 0; i < 1_000; i++) states[`/0#${i}/0`] = i < 400 ? 'completed' : i < 410 ? 'leased' : 'queued';
    states['/0#7/0'] = 'failed';
    expect(drawn(workflow, states)).toEqual([
      'map each joining',
      '  #7 failed',
      '  #400 leased',
      '  #401 leased',
      '  #402 leased',
      '  #403 leased',
      '  … 995 more (6 leased, 590 queued, 399 completed)',
    ]);
  });

  test('of many rounds of a loop the last is where it is', () => {
    const workflow = flow<number>('w')
      .loop('count', (n) => LoopResult.done(n))
      .build();
    const states = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`/0#${i}/0`, 'completed' as const]));
    expect(drawn(workflow, states)).toEqual(['loop count', '  #49 completed', '  … 49 more (49 completed)']);
  });

  test('without a structure is the list of what there is', () => {
    const items = outline(undefined, records({ '/0': 'completed', '/1/b0/0': 'leased' }));
    expect(items.map(({ label, node }) => [label, node?.state])).toEqual([
      ['/0', 'completed'],
      ['/1/b0/0', 'leased'],
    ]);
  });
});
