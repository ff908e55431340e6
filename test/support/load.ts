/** A steady load for what goes wrong in the middle of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Baton, RunHandle, Workflow } from 'batonmq';

export interface LoadOptions {
  readonly runs: number;
  /** Runs started together. */
  readonly atOnce: number;
  /** Pause after each of those. */
  readonly everyMs: number;
}

/** Starts `runs` runs with the inputs 0, 1, 2 … at this pace, and answers with their handles. */
export async function feed<Out>(
  baton: Baton,
  workflow: Workflow<number, Out>,
  { runs, atOnce, everyMs }: LoadOptions,
): Promise<RunHandle<Out>[]> {
  const handles: RunHandle<Out>[] = [];
  for (let first = 0; first < runs; first += atOnce) {
    const inputs = Array.from({ length: Math.min(atOnce, runs - first) }, (_, i) => first + i);
    handles.push(...(await baton.startMany(workflow, inputs)));
    await sleep(everyMs);
  }
  return handles;
}
