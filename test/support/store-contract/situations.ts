/** A run whose activation `/0` stands in each of the states that control has to handle. */
import type { RunKey } from '../../../src/core/model.js';
import type { ActivationRow, LeaseRef } from '../../../src/store/store.js';
import { ref, type Worker, type World } from './world.js';

export interface Situation {
  readonly run: RunKey;
  readonly lease?: LeaseRef;
}

const HOUR = 3_600_000;

/** Each brings `/0` into its state, beside siblings; an hour later everything that has a time is due. */
type Siblings = readonly ActivationRow[];

export const SITUATIONS = {
  ready: async (world: World, _worker: Worker, ...more: Siblings): Promise<Situation> => ({
    run: await world.begin(world.ready('/0'), ...more),
  }),
  leased: async (world: World, worker: Worker, ...more: Siblings): Promise<Situation> => {
    const run = await world.begin(world.ready('/0'), ...more);
    return { run, lease: ref(await worker.lease(run, '/0')) };
  },
  delayed: async (world: World, _worker: Worker, ...more: Siblings): Promise<Situation> => ({
    run: await world.begin(world.delayed('/0', HOUR), ...more),
  }),
  awaiting_signal: async (world: World, _worker: Worker, ...more: Siblings): Promise<Situation> => ({
    run: await world.begin(world.awaiting('/0', 'go', HOUR), ...more),
  }),
  backing_off: async (world: World, worker: Worker, ...more: Siblings): Promise<Situation> => {
    const run = await world.begin(world.ready('/0'), ...more);
    return { run, lease: await worker.backOff(run, '/0', HOUR) };
  },
  joining: async (world: World, _worker: Worker, ...more: Siblings): Promise<Situation> => ({
    run: await world.begin(world.joining('/0', 1), world.delayed('/0/b0/0', HOUR), ...more),
  }),
  queued: async (world: World, _worker: Worker, ...more: Siblings): Promise<Situation> => ({
    run: await world.begin(world.ready('/0', { state: 'queued' }), ...more),
  }),
} as const;

export type SituationName = keyof typeof SITUATIONS;
export const SITUATION_NAMES = Object.keys(SITUATIONS) as SituationName[];
export { HOUR };
