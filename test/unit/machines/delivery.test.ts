import { describe, expect, expectTypeOf, test } from 'vitest';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { type DeliveryPhase, deliveryMachine, nextPhases } from '../../../machines/delivery.js';

const PHASES = ['leasing', 'executing', 'committing', 'publishing', 'acking', 'settled'] as const;

/** Where the report of each phase leads from each; a report that isn't legal leads nowhere. */
const NEXT: Record<DeliveryPhase, Record<DeliveryPhase, DeliveryPhase>> = {
  leasing: row('leasing', ['executing', 'settled'], ['leasing', 'committing', 'publishing', 'acking']),
  executing: row('executing', ['committing', 'settled'], ['leasing', 'executing', 'publishing', 'acking']),
  committing: row('committing', ['publishing', 'executing', 'settled'], ['leasing', 'committing', 'acking']),
  publishing: row('publishing', ['acking', 'settled'], ['leasing', 'executing', 'committing', 'publishing']),
  acking: row('acking', ['leasing', 'settled'], ['executing', 'committing', 'publishing', 'acking']),
  settled: row('settled', [], ['leasing', 'executing', 'committing', 'publishing', 'acking', 'settled']),
};

function row(phase: DeliveryPhase, legal: readonly DeliveryPhase[], illegal: readonly DeliveryPhase[]) {
  const cells = [...legal.map((next) => [next, next]), ...illegal.map((next) => [next, phase])];
  return Object.fromEntries(cells) as Record<DeliveryPhase, DeliveryPhase>;
}

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
  test('every phase is in the table', () => {
    expect(Object.keys(NEXT[phase]).sort()).toEqual([...PHASES].sort());
  });

  test.each(PHASES)('a report of %s leads where the table says', (next) => {
    const snapshot = snapshotIn(phase);
    expect(snapshot.value).toBe(phase);
    expect(moved(snapshot, next).value).toBe(NEXT[phase][next]);
    const legal = NEXT[phase][next] === next && next !== phase;
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
