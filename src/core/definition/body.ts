/** Turns whatever a user may put into a branch, loop or map into what a step holds. */
import { InvalidDefinitionError } from '../errors.js';
import type { UserFunction } from '../tree.js';
import type { Flow } from './flow-types.js';
import type { StepBody } from './steps.js';
import { isTask } from './task.js';
import { isWorkflow } from './workflow.js';

/** Throws InvalidDefinitionError; `where` names the node. */
export function toBody(value: unknown, where: string): StepBody {
  if (typeof value === 'function') return { kind: 'function', fn: value as UserFunction };
  if (isTask(value)) return { kind: 'task', task: value };
  return toFlowBody(value, where, 'a task, a function, a flow or a workflow');
}

export function toFlowBody(
  value: unknown,
  where: string,
  wanted = 'a flow or a workflow',
): Extract<StepBody, { kind: 'flow' | 'workflow' }> {
  if (isWorkflow(value)) return { kind: 'workflow', tree: value.tree };
  if (isFlow(value)) return { kind: 'flow', draft: value.draft };
  const got = value === null ? 'null' : typeof value;
  throw new InvalidDefinitionError(`${where} takes ${wanted}, not ${got === 'object' ? 'another object' : got}`);
}

/** Whether a value is a flow that isn't built yet. */
export function isFlow(value: unknown): value is Flow<never, unknown> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'flow' && 'draft' in value;
}
