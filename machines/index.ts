/** The control flow of a worker as data: machines to draw, inspect and test with. */
export { type BreakerContext, type BreakerEvent, type BreakerInput, breakerMachine } from './breaker.js';
export { type ConnectionContext, type ConnectionEvent, connectionMachine } from './connection.js';
export { type DeliveryEvent, type DeliveryPhase, deliveryMachine, nextPhases } from './delivery.js';
export { machineToMermaid, mermaidId } from './mermaid.js';
export {
  type ProcessContext,
  type ProcessEvent,
  type ProcessInput,
  type ProcessOrder,
  type ProcessState,
  processMachine,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
  supervisedProcess,
  supervisorMachine,
} from './supervisor.js';
export { type WorkerContext, type WorkerEvent, type WorkerInput, workerMachine } from './worker.js';
