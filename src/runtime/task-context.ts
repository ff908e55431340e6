/** Makes the context of one attempt. The logger is made when first used: most tasks never log. */
import { CodecError, PayloadTooLargeError } from '../core/errors.js';
import type { TaskContext } from '../core/flow.js';
import type { Logger } from '../core/logger.js';
import type { Json } from '../core/model.js';
import type { Node, Tree } from '../core/tree.js';
import type { LeasedActivation } from '../store/store.js';
import type { Held } from './leases.js';
import { limits } from './limits.js';

export interface ContextParts {
  readonly namespace: string;
  readonly tree: Tree;
  readonly node: Node;
  readonly activation: LeasedActivation;
  readonly held: Held;
  readonly logger: Logger;
}

export function taskContext({
  namespace,
  tree,
  node,
  activation,
  held,
  logger,
}: ContextParts): Omit<TaskContext, 'signal'> {
  const { info, path, attempt, progress } = activation;
  const policy = node.kind === 'task' ? node.policy : undefined;
  let own: Logger | undefined;
  return {
    runId: info.id,
    workflow: info.workflow,
    taskId: node.id,
    path,
    attempt,
    maxAttempts: (policy?.retry?.maxRetries ?? 0) + 1,
    // The run's surrogate key, not its id: a later run may take the id, but never the key.
    idempotencyKey: `${namespace}:${activation.run}:${path}`,
    metadata: policy?.metadata,
    workflowMetadata: tree.metadata,
    heartbeat: (said?: Json) => {
      if (said !== undefined) held.progress = progressText(said, node.id);
    },
    ...(progress === null ? {} : { lastProgress: JSON.parse(progress) as Json }),
    get logger(): Logger {
      own ??= logger.child({ run: info.id, workflow: info.workflow, task: node.id, attempt });
      return own;
    },
  } as Omit<TaskContext, 'signal'>;
}

function progressText(progress: Json, taskId: string): string {
  const text = jsonOf(progress, `progress of ${taskId}`);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.payloadBytes) throw new PayloadTooLargeError(`progress of ${taskId}`, bytes, limits.payloadBytes);
  return text;
}

function jsonOf(value: Json, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new CodecError(`the ${what} must be JSON: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new CodecError(`the ${what} must be JSON, not ${typeof value}`);
  return text;
}
