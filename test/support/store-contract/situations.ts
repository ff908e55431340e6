/** A run whose activation `/0` stands in each of the states that control has to handle. */
import type { RunKey } from '../../../src/core/model.js';
import type { LeaseRef } from '../../../src/store/store.js';
import { ref, type Worker, type World } from './world.js';

export interface Situation {
  readonly run: RunKey;
  readonly lease?: LeaseRef;
}

const HOUR = 3_600_000;

/** Each brings `/0` into its state; an hour later everything that has a time is due. */
export const SITUATIONS = {
  ready: async (world: World): Promise<Situation> => ({ run: await world.begin() }),
  leased: async (world: World, worker: Worker): Promise<Situation> => {
    const run = await world.begin();
    return { run, lease: ref(await worker.lease(run, '/0')) };
  },
  delayed: async (world: World): Promise<Situation> => ({ run: await world.begin(world.delayed('/0', HOUR)) }),
  awaiting_signal: async (world: World): Promise<Situation> => ({
    run: await world.begin(world.awaiting('/0', 'go', HOUR)),
  }),
  backing_off: async (world: World, worker: Worker): Promise<Situation> => {
    const run = await world.begin();
    return { run, lease: await worker.backOff(run, '/0', HOUR) };
  },
  joining: async (world: World): Promise<Situation> => ({
    run: await world.begin(world.joining('/0', 1), world.delayed('/0/b0/0', HOUR)),
  }),
  queued: async (world: World): Promise<Situation> => ({
    run: await world.begin(world.ready('/0', { state: 'queued' })),
  }),
} as const;

export type SituationName = keyof typeof SITUATIONS;
export const SITUATION_NAMES = Object.keys(SITUATIONS) as SituationName[];
export { HOUR };
