/** Trees written by hand, as short as they can be. */
import type {
  ChildNode,
  DelayNode,
  ForkNode,
  LoopNode,
  MapNode,
  Node,
  RouteNode,
  Sequence,
  SignalNode,
  TaskNode,
  Tree,
  UserFunction,
} from '../../../src/core/tree.js';

/** A function of one value: what trees of tests are made of. */
// biome-ignore lint/suspicious/noExplicitAny: functions of tests say themselves what they take
export type ValueFunction = (value: any) => unknown;

export const tree = (...root: Node[]): Tree => ({ name: 'tested', hash: '0'.repeat(64), root });

export const task = (id: string, fn: ValueFunction): TaskNode => ({
  kind: 'task',
  id,
  fn: fn as UserFunction,
  transactional: false,
  policy: { tags: [] },
});

export const fork = (id: string, bodies: readonly Sequence[], join?: ValueFunction): ForkNode => ({
  kind: 'fork',
  id,
  branches: bodies.map((body, i) => ({ name: `b${i}`, body })),
  ...(join === undefined ? {} : { join: { fn: join as UserFunction } }),
});

export const route = (
  id: string,
  key: ValueFunction,
  bodies: Record<string, Sequence>,
  otherwise?: Sequence,
): RouteNode => ({
  kind: 'route',
  id,
  key: key as UserFunction,
  branches: Object.entries(bodies).map(([name, body]) => ({ key: name, body })),
  ...(otherwise === undefined ? {} : { otherwise }),
});

export const loop = (
  id: string,
  body: Sequence,
  { maxIterations = 10, onMax = 'fail' }: Partial<Pick<LoopNode, 'maxIterations' | 'onMax'>> = {},
): LoopNode => ({ kind: 'loop', id, body, maxIterations, onMax });

export const delay = (id: string): DelayNode => ({ kind: 'delay', id, durationMs: 1 });

/** Waits for the signal of its own name; with `timeout`, not for ever. */
export const signal = (id: string, timeout = false): SignalNode => ({
  kind: 'signal',
  id,
  signal: id,
  ...(timeout ? { timeoutMs: 1 } : {}),
});

export const child = (id: string, body: Sequence): ChildNode => ({ kind: 'child', id, workflow: id, body });

export const map = (id: string, body: Sequence, concurrency?: number): MapNode => ({
  kind: 'map',
  id,
  body,
  ...(concurrency === undefined ? {} : { concurrency }),
});
