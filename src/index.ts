/** The public API and nothing else: a table of contents. */
export type { Baton, StartManyOptions } from './client/baton.js';
export { type ConnectOptions, connect } from './client/connect.js';
export { ClosedError } from './client/connection.js';
export { WorkflowNotFoundError } from './client/definitions.js';
export type { NodeDescription, RunDescription } from './client/describe.js';
export type { ControlOptions, ResultOptions, RunHandle, SignalOptions } from './client/handle.js';
export type { ListFilter, RunSummary } from './client/list.js';
export { type RunWorkflowOptions, runWorkflow } from './client/run-workflow.js';
export type { StartOptions } from './client/start-options.js';
export type { RunStatus } from './client/status.js';
export { type Codec, jsonCodec } from './core/codec.js';
export {
  BatonError,
  CodecError,
  ConfigError,
  ConnectionError,
  DefinitionMismatchError,
  InvalidDefinitionError,
  InvalidDurationError,
  LeaseLostError,
  LoopVerdictError,
  MapInputError,
  MaxIterationsError,
  NonRetryableError,
  PayloadTooLargeError,
  PoisonedError,
  ResultTimeoutError,
  RetryAfterError,
  RunCancelledError,
  RunExistsError,
  RunFailedError,
  RunNotFailedError,
  RunNotFoundError,
  RunTerminalError,
  TaskTimeoutError,
  UnmatchedRouteError,
  ValidationError,
  type ValidationIssue,
} from './core/errors.js';
export {
  type Body,
  type Branch,
  branch,
  type Duration,
  type Flow,
  type FlowOptions,
  flow,
  type Logger,
  LoopResult,
  type NodeInfo,
  type RetryPolicy,
  type SignalToken,
  signal,
  type Task,
  type TaskContext,
  type TaskOptions,
  type Tx,
  task,
  type Workflow,
} from './core/flow.js';
export type { Json, Path, Priority, SerializedError } from './core/model.js';
export { getTaskContext } from './runtime/context.js';
export type { TaskEvent } from './runtime/engaged.js';
export { Worker, type WorkerOptions } from './runtime/worker.js';
