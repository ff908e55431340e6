/** From what the tree decided to what the store writes: recipes become columns, nodes become queues and due times. */
import type { NewActivation } from '../core/advance.js';
import type { Priority } from '../core/model.js';
import { encodeRecipe } from '../core/recipe.js';
import type { ActivationRow } from '../store/store.js';
import { type QueueDirectory, queueOf } from './queues.js';

export interface RunOfRows {
  readonly workflow: string;
  readonly hash: string;
  readonly priority: Priority;
}

/** Rows for new activations. `element` gives the bytes of a map's element. */
export async function rowsFor(
  run: RunOfRows,
  activations: readonly NewActivation[],
  queues: QueueDirectory,
  element?: (index: number) => Uint8Array,
): Promise<ActivationRow[]> {
  const rows: ActivationRow[] = [];
  for (const activation of activations) {
    const spec = queueOf(run, activation.node);
    const queue = queues.peek(spec) ?? (await queues.ensure(spec));
    rows.push(rowFor(activation, queue.key, element));
  }
  return rows;
}

function rowFor(activation: NewActivation, queue: number, element?: (index: number) => Uint8Array): ActivationRow {
  const { path, node, state, pending } = activation;
  const input = activation.element === undefined ? undefined : element?.(activation.element);
  const dueInMs = node.kind === 'delay' ? node.durationMs : node.kind === 'signal' ? node.timeoutMs : undefined;
  return {
    path,
    state,
    queue,
    ...encodeRecipe(activation.recipe),
    ...(input === undefined ? {} : { input }),
    ...(pending === undefined ? {} : { pending }),
    ...(dueInMs === undefined ? {} : { dueInMs }),
    ...(state === 'awaiting_signal' && node.kind === 'signal' ? { signal: node.signal } : {}),
  };
}
