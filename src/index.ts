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
  TaskTransactionError,
  UnmatchedRouteError,
  ValidationError,
  type ValidationIssue,
} from './core/errors.js';
export {
  type Again,
  type AnyTask,
  type Body,
  type Branch,
  branch,
  type Done,
  type Duration,
  type Flow,
  type FlowOptions,
  type Fork,
  flow,
  type Logger,
  type LoopOptions,
  LoopResult,
  type MapOptions,
  type NodeInfo,
  type RetryPolicy,
  type Route,
  type RouteOutput,
  type SignalToken,
  signal,
  type Task,
  type TaskContext,
  type TaskFunction,
  type TaskOptions,
  type TransactionFunction,
  type TransactionTask,
  type Tx,
  task,
  type Waited,
  type WaitOptions,
  type Workflow,
} from './core/flow.js';
export type { ActivationState, Json, Path, Priority, SerializedError } from './core/model.js';
export type { NodeKind } from './core/tree.js';
export type { Inspector } from './inspect/inspector.js';
export { getTaskContext } from './runtime/context.js';
export type { TaskEvent } from './runtime/engaged.js';
export type { CheckResult, Health, HealthCheck } from './runtime/health.js';
export type { Cleanup, Hook, HookContext, Hooks } from './runtime/hooks.js';
export type { HttpOptions } from './runtime/http/http-options.js';
export type { LogLevel } from './runtime/log-level.js';
export { TimeLimitError } from './runtime/time-limit.js';
export { Worker } from './runtime/worker.js';
export {
  CheckFailedError,
  StartupTimeoutError,
  WorkerStateError,
  WorkerStoppedError,
} from './runtime/worker-errors.js';
export type { Transition, WorkerEvents } from './runtime/worker-events.js';
export type { StopOptions, WorkerHandle } from './runtime/worker-handle.js';
export type { WorkerChanges, WorkerOptions } from './runtime/worker-options.js';
export type { WorkerActor, WorkerState } from './runtime/worker-state.js';
export { FolderInUseError } from './store/pglite/folder-lock.js';
export type { PostgresConfig } from './store/postgres/network-server.js';
export { type ConflictPolicy, SessionDeadError, StoreRejectedError } from './store/store.js';
export type { RabbitMqAddress } from './transport/connection-options.js';
export { TopologyMismatchError } from './transport/errors.js';
