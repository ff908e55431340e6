/**
 * One message's way: leasing → executing → committing → publishing → acking, with the names and the order of
 * `src/runtime/deliver.ts`. A successor that was leased together with the commit goes through it again in the same
 * delivery, and a task whose transaction was given up runs again; from every phase a delivery may settle, because it is done, or refused, or something failed.
 *
 * Deliveries are plain functions that report their phases; this machine draws them, and says which reports are legal.
 */
import { setup } from 'xstate';

export type DeliveryPhase = 'leasing' | 'executing' | 'committing' | 'publishing' | 'acking' | 'settled';

export interface DeliveryEvent {
  readonly type: `${DeliveryPhase}.entered`;
  /** For whoever inspects it: what is executed. */
  readonly runId?: string;
  readonly task?: string;
}

export const deliveryMachine = setup({
  types: { events: {} as DeliveryEvent },
}).createMachine({
  id: 'delivery',
  initial: 'leasing',
  states: {
    leasing: { on: { 'executing.entered': 'executing', 'settled.entered': 'settled' } },
    executing: { on: { 'committing.entered': 'committing', 'settled.entered': 'settled' } },
    committing: {
      on: { 'publishing.entered': 'publishing', 'executing.entered': 'executing', 'settled.entered': 'settled' },
    },
    publishing: { on: { 'acking.entered': 'acking', 'settled.entered': 'settled' } },
    acking: { on: { 'leasing.entered': 'leasing', 'settled.entered': 'settled' } },
    settled: { type: 'final' },
  },
});

/** The phases that may be reported after `phase`; undefined: the first one. */
export function nextPhases(phase: DeliveryPhase | undefined): readonly DeliveryPhase[] {
  if (phase === undefined) return ['leasing'];
  const { ownEvents } = deliveryMachine.states[phase]!;
  return ownEvents.map((event) => event.slice(0, -'.entered'.length) as DeliveryPhase);
}
