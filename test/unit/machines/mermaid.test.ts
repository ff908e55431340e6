import { expect, test } from 'vitest';
import { type AnyStateNode, assign, createMachine, fromPromise, setup } from 'xstate';
import * as machines from '../../../machines/index.js';
import { machineToMermaid, mermaidId } from '../../../machines/index.js';

test('a machine is drawn with its states, its nested states, and where each begins', () => {
  const machine = createMachine({
    initial: 'off',
    states: {
      off: { on: { press: 'on' } },
      on: { initial: 'half-lit', states: { 'half-lit': { on: { more: 'lit' } }, lit: {} }, on: { press: 'off' } },
    },
  });
  expect(machineToMermaid(machine)).toBe(
    [
      'stateDiagram-v2',
      '  [*] --> off',
      '  state "off" as off',
      '  state "on" as on {',
      '    [*] --> on__half_lit',
      '    state "half-lit" as on__half_lit',
      '    state "lit" as on__lit',
      '  }',
      '  off --> on: press',
      '  on --> off: press',
      '  on__half_lit --> on__lit: more',
      '',
    ].join('\n'),
  );
  expect(mermaidId('on.half-lit')).toBe('on__half_lit');
});

test('an arrow says what leads along it, in words', () => {
  const machine = setup({
    actors: { load: fromPromise(async () => {}), save: fromPromise(async () => {}) },
    guards: { 'it is late': () => true },
    delays: { patience: 1_000 },
  }).createMachine({
    initial: 'loading',
    states: {
      loading: {
        invoke: { src: 'load', onDone: 'saving', onError: 'lost' },
        after: { patience: { guard: 'it is late', target: 'lost' } },
      },
      saving: { invoke: { id: 'own name', src: 'save', onDone: 'waiting', onError: 'waiting' } },
      waiting: { after: { 500: 'loading' }, always: { guard: () => false, target: 'lost' } },
      lost: { type: 'final' },
    },
  });
  expect(machineToMermaid(machine).split('\n').slice(6)).toEqual([
    '  loading --> saving: load done',
    '  loading --> lost: load failed<br/>after patience [it is late]',
    '  saving --> waiting: save done or failed',
    '  waiting --> loading: after 500',
    '  waiting --> lost: [guard]',
    '',
  ]);
});

test('what the root does is drawn from every state that it concerns, and what stays in its state is not', () => {
  const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
    context: { n: 0 },
    initial: 'a',
    on: { end: '.ended', count: { actions: assign({ n: 1 }) } },
    states: { a: { on: { next: 'b', again: 'a' } }, b: { on: { end: 'a' } }, ended: { type: 'final' } },
  });
  const arrows = machineToMermaid(machine)
    .split('\n')
    .filter((line) => line.includes('-->'));
  expect(arrows).toEqual(['  [*] --> a', '  a --> b: next', '  a --> ended: end', '  b --> a: end']);
});

const OURS = Object.entries(machines).flatMap(([name, machine]) =>
  typeof machine === 'object' ? [[name, machine] as const] : [],
);

test.each(OURS)('%s is drawn whole: every state is there, and all but the first are led to', (_, machine) => {
  const chart = machineToMermaid(machine);
  const drawn = [...chart.matchAll(/ as (\w+)/g)].map(([, id]) => id as string);
  expect(drawn.sort()).toEqual(pathsBelow(machine.root).map(mermaidId).sort());
  for (const id of drawn) expect(chart, id).toMatch(new RegExp(`--> ${id}(:|$)`, 'm'));
});

function pathsBelow(state: AnyStateNode): string[] {
  return Object.values<AnyStateNode>(state.states).flatMap((child) => [child.path.join('.'), ...pathsBelow(child)]);
}
