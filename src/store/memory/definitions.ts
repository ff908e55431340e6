/** Definitions and queues: written before anything that refers to them. */
import { queueName } from '../../core/message.js';
import type { QueueRow, QueueSpec } from '../../core/model.js';
import type { DefinitionRow } from '../store.js';
import type { Space } from './space.js';

export function putDefinition(space: Space, { workflow, hash, structure }: DefinitionRow): void {
  const versions = space.definitions.get(workflow) ?? new Map<string, DefinitionRow>();
  space.definitions.set(workflow, versions);
  // Registered anew, it is the newest again.
  versions.delete(hash);
  versions.set(hash, { workflow, hash, structure });
}

export function definition(space: Space, workflow: string, hash: string | undefined): DefinitionRow | undefined {
  const versions = space.definitions.get(workflow);
  return hash === undefined ? [...(versions?.values() ?? [])].at(-1) : versions?.get(hash);
}

export function ensureQueues(space: Space, specs: readonly QueueSpec[]): QueueRow[] {
  return specs.map((spec) => {
    const name = queueName(space.namespace, spec);
    const { workflow, hash, tags, priority } = spec;
    const row = space.queues.get(name) ?? {
      key: space.nextKey(),
      name,
      workflow,
      hash,
      tags: [...tags],
      priority,
    };
    space.queues.set(name, row);
    return row;
  });
}
