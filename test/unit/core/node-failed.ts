/** What ends a run of the driver, as opposed to an error that ends the test. */
import assert from 'node:assert/strict';
import {
  type BatonError,
  LoopVerdictError,
  MapInputError,
  MaxIterationsError,
  UnmatchedRouteError,
} from '../../../src/core/errors.js';
import type { Node, UserFunction } from '../../../src/core/tree.js';
import type { Failure } from './reference.js';

export class NodeFailed extends Error {
  constructor(readonly failure: Failure) {
    super(`${failure.node}: ${failure.error}`);
  }
}

/** Calls a function of the node's; what it throws fails the node. */
export function call(node: Node, fn: UserFunction, input: unknown): unknown {
  try {
    return (fn as (input: unknown) => unknown)(input);
  } catch (error) {
    throw new NodeFailed({ error: (error as Error).name, node: node.id });
  }
}

/** The failure of the node that the error itself names. */
export function failureOf(error: BatonError): NodeFailed {
  return new NodeFailed({ error: error.name, node: nodeNamedBy(error) });
}

function nodeNamedBy(error: BatonError): string {
  if (error instanceof LoopVerdictError || error instanceof MaxIterationsError) return error.loopId;
  if (error instanceof UnmatchedRouteError) return error.routeId;
  assert(error instanceof MapInputError, error);
  return error.mapId;
}
