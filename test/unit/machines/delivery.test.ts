import { describe, expect, expectTypeOf, test } from 'vitest';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { type DeliveryPhase, deliveryMachine, nextPhases } from '../../../machines/delivery.js';

const PHASES = ['leasing', 'executing', 'committing', 'publishing', 'acking', 'settled'] as const;

const NEXT: Record<DeliveryPhase, readonly DeliveryPhase[]> = {
  leasing: ['executing', 'settled'],
  executing: ['committing', 'settled'],
  committing: ['publishing', 'executing', 'settled'],
  publishing: ['acking', 'settled'],
  acking: ['leasing', 'settled'],
  settled: [],
};

/** The shortest way there. */
function snapshotIn(phase: DeliveryPhase) {
  const way = phase === 'settled' ? ['settled' as const] : PHASES.slice(1, PHASES.indexOf(phase) + 1);
  const [initial] = initialTransition(deliveryMachine);
  return way.reduce((snapshot, entered) => moved(snapshot, entered), initial);
}

function moved(snapshot: SnapshotFrom<typeof deliveryMachine>, phase: DeliveryPhase) {
  return transition(deliveryMachine, snapshot, { type: `${phase}.entered` })[0];
}

describe.each(PHASES)('from %s', (phase) => {
  test.each(PHASES)('to %s: legal only where the table says so', (next) => {
    const legal = NEXT[phase].includes(next);
    const snapshot = snapshotIn(phase);
    expect(snapshot.value).toBe(phase);
    expect(moved(snapshot, next).value).toBe(legal ? next : phase);
    expect(nextPhases(phase).includes(next)).toBe(legal);
  });
});

test('a delivery begins with leasing', () => {
  expect(nextPhases(undefined)).toEqual(['leasing']);
  expect(initialTransition(deliveryMachine)[0].value).toBe('leasing');
});

test('the machine knows exactly the phases that deliveries report', () => {
  expectTypeOf<DeliveryPhase>().toEqualTypeOf<(typeof PHASES)[number]>();
  expect(Object.keys(deliveryMachine.states)).toEqual(PHASES);
});
