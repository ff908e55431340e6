/** Tells listeners how one attempt ended. Only functions of the user's count as tasks. */
import type { Engaged, TaskEvent } from './engaged.js';
import type { Leased } from './leased.js';

export function report({ activation, node, startedAt }: Leased, engaged: Engaged, outcome: TaskEvent['outcome']): void {
  if (node.kind !== 'task' && !(node.kind === 'fork' && node.join !== undefined) && outcome === 'completed') return;
  engaged.reportTask({
    runId: activation.info.id,
    workflow: activation.info.workflow,
    taskId: node.id,
    path: activation.path,
    attempt: activation.attempt,
    outcome,
    durationMs: performance.now() - startedAt,
  });
}
