/**
 * What a workflow means, written down a second time and in the plainest way: a recursive interpreter that runs a
 * tree from top to bottom in one call. It shares no code with the engine (only the tree's types), knows no path,
 * no recipe and no order of events, and is what the engine's results are compared with.
 */
import type { LoopNode, Node, Sequence, SignalNode } from '../../../src/core/tree.js';

/**
 * Where in the tree an execution stands: the numbers of nodes, branches, rounds and elements on the way there. Its
 * text is what is left of the engine's own path without the letters.
 */
export type Position = readonly number[];

/** The world outside: what a wait for a signal comes to. */
export type Oracle = (node: SignalNode, at: Position) => { readonly payload: unknown } | { readonly timedOut: true };

/** A way that the run can fail: the error's name and the id of the node. */
export interface Failure {
  readonly error: string;
  readonly node: string;
}

export interface Meaning {
  /** The run's output; absent where it must fail. */
  readonly output?: { readonly value: unknown };
  /** Every first failure that parallel branches may run into; the run fails with one of them. */
  readonly failures: readonly Failure[];
  /** Executions of nodes (loops and children, which are none themselves, left out), top to bottom. */
  readonly visits: readonly string[];
}

type Result = { readonly value: unknown } | { readonly failures: readonly Failure[] };

export function interpret(root: Sequence, input: unknown, oracle: Oracle): Meaning {
  const visits: string[] = [];
  const result = new Interpreter(oracle, visits).sequence(root, input, []);
  return 'value' in result ? { output: result, failures: [], visits } : { failures: result.failures, visits };
}

const failed = (error: string, node: Node): Result => ({ failures: [{ error, node: node.id }] });

class Interpreter {
  constructor(
    private readonly oracle: Oracle,
    private readonly visits: string[],
  ) {}

  sequence(nodes: Sequence, input: unknown, at: Position): Result {
    let value = input;
    for (const [i, node] of nodes.entries()) {
      const result = this.node(node, value, [...at, i]);
      if ('failures' in result) return result;
      value = result.value;
    }
    return { value };
  }

  private node(node: Node, input: unknown, at: Position): Result {
    if (node.kind !== 'loop' && node.kind !== 'child') this.visits.push(at.join('.'));
    switch (node.kind) {
      case 'task':
        return call(node, node.fn, input);
      case 'delay':
        return { value: input };
      case 'child':
        return this.sequence(node.body, input, at);
      case 'loop':
        return this.loop(node, input, at);
      case 'signal': {
        const come = this.oracle(node, at);
        if ('timedOut' in come) return { value: { timedOut: true } };
        return { value: node.timeoutMs === undefined ? come.payload : { timedOut: false, payload: come.payload } };
      }
      case 'fork': {
        const tuple = all(node.branches.map(({ body }, b) => this.sequence(body, input, [...at, b])));
        return 'failures' in tuple || node.join === undefined ? tuple : call(node, node.join.fn, tuple.value);
      }
      case 'map': {
        if (!Array.isArray(input)) return failed('MapInputError', node);
        return all(input.map((element, e) => this.sequence(node.body, element, [...at, e])));
      }
      case 'route': {
        const key = call(node, node.key, input);
        if ('failures' in key) return key;
        const listed = node.branches.findIndex((branch) => branch.key === key.value);
        const body = listed < 0 ? node.otherwise : node.branches[listed]?.body;
        if (body === undefined) return failed('UnmatchedRouteError', node);
        const result = this.sequence(body, input, [...at, listed < 0 ? node.branches.length : listed]);
        return 'failures' in result ? result : { value: { branch: key.value, result: result.value } };
      }
    }
  }

  private loop(node: LoopNode, input: unknown, at: Position): Result {
    let value = input;
    for (let executions = 1; ; executions++) {
      const result = this.sequence(node.body, value, [...at, executions - 1]);
      if ('failures' in result) return result;
      const verdict = result.value as { readonly $loop?: unknown; readonly value?: unknown } | null | undefined;
      if (verdict?.$loop !== 'again' && verdict?.$loop !== 'done') return failed('LoopVerdictError', node);
      value = verdict.value;
      if (verdict.$loop === 'done') return { value };
      if (executions < node.maxIterations) continue;
      return node.onMax === 'fail' ? failed('MaxIterationsError', node) : { value };
    }
  }
}

/** All of them in order, or every failure among them. */
function all(results: readonly Result[]): Result {
  const failures = results.flatMap((result) => ('failures' in result ? result.failures : []));
  return failures.length > 0 ? { failures } : { value: results.map((result) => (result as { value: unknown }).value) };
}

function call(node: Node, fn: (...args: never[]) => unknown, input: unknown): Result {
  try {
    return { value: (fn as (input: unknown) => unknown)(input) };
  } catch (error) {
    return failed((error as Error).name, node);
  }
}
