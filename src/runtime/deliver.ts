/**
 * The way of one message, top to bottom: lease → execute → commit → publish → ack. `machines/delivery.ts` draws
 * the same way with the same names.
 *
 * If the process dies before the commit, its lease is seen dead and the activation runs elsewhere; after the
 * commit, the successors are ready rows of a dead session, published by whoever sweeps it; after publishing, the
 * broker delivers the message again, and its lease answers `done`.
 */
import { looksAtValue } from '../core/advance.js';
import { nodeAt } from '../core/tree.js';
import type { LeasedActivation } from '../store/store.js';
import type { Delivery } from '../transport/transport.js';
import type { Engaged, PhaseReport } from './engaged.js';
import { execute } from './execute.js';
import type { Leased, Settled } from './leased.js';
import { limits } from './limits.js';
import type { Execution } from './outcome.js';
import { persist } from './persist.js';
import { settle } from './settle.js';
import { taskContext } from './task-context.js';
import { begin } from './transaction.js';

/** Never rejects: whatever goes wrong is the engine's to know, and the row's to remember. */
export async function deliver(delivery: Delivery, engaged: Engaged): Promise<void> {
  const phase = engaged.track(delivery.message);
  let early: NodeJS.Timeout | undefined;
  try {
    phase('leasing');
    let leased = await lease(delivery, engaged);
    // The lease protects it from here on, and no timeout of the broker's decides anything.
    if (leased !== undefined) early = setTimeout(() => delivery.ack(), limits.earlyAckMs);
    for (let hop = 0; leased !== undefined; hop++) {
      const { ready, next } = await work(leased, engaged, hop, phase);
      phase('publishing');
      await engaged.dispatcher.dispatch(ready);
      phase('acking');
      delivery.ack();
      leased = next && engage(next, engaged);
      if (leased === undefined) break;
      engaged.reportLease('eager');
      phase('leasing');
    }
  } catch (error) {
    engaged.failedDelivery(error);
  } finally {
    clearTimeout(early);
    // Acked, given back, or left to the row: a delivery that is done here is never left unsettled.
    delivery.ack();
    phase('settled');
  }
}

/** Runs it and records what came of it; a task whose transaction was given up runs again. */
async function work(leased: Leased, engaged: Engaged, hop: number, phase: PhaseReport): Promise<Settled> {
  for (let undone = 0; ; undone++) {
    phase('executing', leased);
    const outcome = await execute(executionOf(leased, engaged));
    phase('committing');
    const settled = await settle({ ...leased, undone }, outcome, engaged, hop);
    if (settled.again !== true) return settled;
  }
}

/** Undefined: there is nothing to do here any more, and the delivery is settled. */
async function lease(delivery: Delivery, engaged: Engaged): Promise<Leased | undefined> {
  const { leases } = engaged;
  const { run, path } = delivery.message;
  const number = leases.take();
  try {
    const result = await persist(engaged.leasing, () => leases.lease({ run, path, number }));
    if (result.kind === 'leased' && isOutdated(delivery, result.activation)) {
      engaged.reportLease('exchanged');
      await exchange(result.activation, engaged);
      delivery.ack();
      return undefined;
    }
    engaged.reportLease(result.kind);
    if (result.kind === 'leased') return engage(result.activation, engaged);
    leases.settle(number);
    // Somebody else had it first and may be dead: its lock is free before anyone looks by themselves.
    if (result.kind === 'taken' && delivery.redelivered) engaged.wakeDuties();
    delivery.ack();
    return undefined;
  } catch (error) {
    // Should the lease have been granted all the same, a heartbeat finds a number that nobody knows.
    leases.settle(number);
    engaged.beat();
    delivery.giveBack();
    throw error;
  }
}

/** It was sent before the losses that make a suspect of its task, and so came past the others of its kind. */
function isOutdated({ message }: Delivery, { losses }: LeasedActivation): boolean {
  return losses >= limits.suspectAt && message.losses < limits.suspectAt;
}

/** The lease is given back for a message that says what the row says, and waits for its turn. */
async function exchange(activation: LeasedActivation, { leases, settling, dispatcher }: Engaged): Promise<void> {
  const ready = await persist(settling, () => leases.store.handBack(leases.session, [activation]));
  leases.settle(activation.number);
  await dispatcher.dispatch(ready);
}

/** From here on the heartbeat watches the lease. */
function engage(activation: LeasedActivation, engaged: Engaged): Leased {
  const tree = engaged.registry.tree(activation.info.workflow, activation.info.hash);
  if (tree === undefined)
    throw new RangeError(`no structure ${activation.info.hash} of ${activation.info.workflow} here`);
  const node = nodeAt(tree.root, activation.path);
  const held = engaged.leases.hold(activation, node.id);
  if (engaged.leases.overtaken(held)) engaged.beat();
  return { activation, held, tree, node, startedAt: performance.now(), undone: 0 };
}

function executionOf(leased: Leased, engaged: Engaged): Execution {
  const { activation, held, tree, node } = leased;
  const { namespace, logger, reader } = engaged;
  return {
    activation,
    node,
    reader,
    control: held.control.signal,
    context: taskContext({ namespace, tree, node, activation, held, logger }),
    begin: () => begin(leased, engaged),
    looksAtValue: node.kind === 'delay' && looksAtValue(tree, activation.path),
  };
}
