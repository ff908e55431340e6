/**
 * Maps: the list's elements become activations, chunk by chunk under one lease. A crash in between leaves the
 * cursor in the row, and whoever leases it next goes on from there.
 */
import { advanceMap, elementSuffix, type NewActivation } from '../core/advance.js';
import { encodePayload } from '../core/codec.js';
import { BatonError } from '../core/errors.js';
import type { ReadyActivation } from '../core/model.js';
import type { MapNode } from '../core/tree.js';
import type { Expansion } from '../store/store.js';
import type { Engaged } from './engaged.js';
import type { Leased } from './leased.js';
import { limits } from './limits.js';
import type { Failed, Outcome } from './outcome.js';
import { persist } from './persist.js';
import { rowsFor } from './rows.js';

export type Expanded =
  /** Every element is in; the last chunk's messages are owed. */
  | { readonly kind: 'expanded'; readonly ready: readonly ReadyActivation[] }
  /** The lease was lost on the way. */
  | { readonly kind: 'lost'; readonly ready: readonly [] }
  /** There is nothing to wait for: the map is complete. */
  | { readonly kind: 'empty'; readonly outcome: Extract<Outcome, { kind: 'completed' }> }
  /** An element can't be stored. */
  | Failed;

export async function expandMap(leased: Leased, list: readonly unknown[], engaged: Engaged): Promise<Expanded> {
  const { path } = leased.activation;
  const node = leased.node as MapNode;
  for (let cursor = leased.activation.cursor; ; ) {
    const step = advanceMap(node, path, list.length, cursor, limits.mapChunk);
    if (step.kind === 'empty')
      return { kind: 'empty', outcome: { kind: 'completed', value: undefined, recipe: ['gather', path] } };
    const elements = encodeElements(node, list, step.activate, engaged);
    if (!(elements instanceof Map)) return elements;
    const result = await insert(leased, step, elements, { from: cursor, total: list.length }, engaged);
    if (result.kind === 'lost') return { kind: 'lost', ready: [] };
    if (step.next === list.length) return result;
    // The first elements are under way before the last are in.
    await engaged.dispatcher.dispatch(result.ready);
    cursor = step.next;
  }
}

type Chunk = Extract<ReturnType<typeof advanceMap>, { kind: 'chunk' }>;

async function insert(
  { activation, node }: Leased,
  step: Chunk,
  elements: ReadonlyMap<number, Uint8Array>,
  { from, total }: { readonly from: number; readonly total: number },
  engaged: Engaged,
) {
  const { run, path, number, info } = activation;
  const { leases, queues, settling } = engaged;
  const limited = (node as MapNode).concurrency !== undefined && step.next === total;
  const activate = await persist(settling, () =>
    rowsFor(info, step.activate, queues, (index) => elements.get(index) as Uint8Array),
  );
  const expansion: Expansion = {
    run,
    path,
    number,
    activate,
    from,
    next: step.next,
    total,
    ...(limited ? { release: { running: step.running, suffix: elementSuffix(node as MapNode) } } : {}),
  };
  return persist(settling, () => leases.store.expand(leases.session, expansion));
}

function encodeElements(
  node: MapNode,
  list: readonly unknown[],
  activate: readonly NewActivation[],
  { reader }: Engaged,
): Map<number, Uint8Array> | Failed {
  const elements = new Map<number, Uint8Array>();
  try {
    for (const { element } of activate) {
      if (element === undefined) continue;
      const where = `element ${element} of map ${node.id}`;
      elements.set(element, encodePayload(reader.codec, list[element], { where, limit: limits.payloadBytes }));
    }
    return elements;
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    return { kind: 'failed', error, final: true, timedOut: false };
  }
}
