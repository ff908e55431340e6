/**
 * Building workflows: tasks and signals, strung together to flows, which `build()` checks and turns into the
 * continuation tree. Pure: what is built here neither runs nor connects to anything.
 */
import { toBody } from './definition/body.js';
import { draftOf, FlowBuilder } from './definition/flow-builder.js';
import type { Body, Branch, Flow, FlowOptions } from './definition/flow-types.js';
import { checkName } from './names.js';

export { isFlow } from './definition/body.js';
export type {
  Body,
  Branch,
  Flow,
  FlowOptions,
  Fork,
  LoopOptions,
  MapOptions,
  Route,
  RouteOutput,
  Waited,
  WaitOptions,
} from './definition/flow-types.js';
export type { NodeInfo } from './definition/nodes.js';
export type { TaskOptions } from './definition/policy.js';
export { type SignalToken, signal } from './definition/signal.js';
export {
  type AnyTask,
  type Task,
  type TaskFunction,
  type TransactionFunction,
  type TransactionTask,
  task,
} from './definition/task.js';
export type { TaskContext, Tx } from './definition/task-context.js';
export { isWorkflow, type Workflow } from './definition/workflow.js';
export type { Duration } from './duration.js';
export type { Logger } from './logger.js';
export type { RetryPolicy } from './retry.js';
export { type Again, type Done, LoopResult } from './verdict.js';

/**
 * Begins a workflow whose input is `In`.
 *
 * @param name 1 to 64 of A-Z a-z 0-9 _ -
 * @throws InvalidDefinitionError
 */
export function flow<In>(name: string, options: FlowOptions = {}): Flow<In, In> {
  return new FlowBuilder(draftOf(name, options)) as unknown as Flow<In, In>;
}

/**
 * A branch of a fork.
 *
 * @param name unique in its fork; a bare function takes it as its task's id
 * @throws InvalidDefinitionError
 */
export function branch<In, Out>(name: string, body: Body<In, Out>): Branch<In, Out> {
  checkName(name, 'name of a branch');
  return Object.freeze({ kind: 'branch', name, body: toBody(body, `branch ${name}`) });
}
