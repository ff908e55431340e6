/** Throughput: many runs of a row of no-op steps through one worker, all under way at once. */
import { flow } from 'batonmq';
import { withWorker } from './with-worker.js';

/** Steps per second of `runs` runs of `steps` steps, from the first start to the last result. */
export function measureLinear(place, { runs, ...row }) {
  return withLinear(place, row, async (run) => {
    await run(Math.ceil(runs / 5));
    const ms = await run(runs);
    return (runs * row.steps) / (ms / 1_000);
  });
}

/** One worker for as long as `measure` takes; its `run(count)` resolves with how many ms so many runs took. */
export function withLinear(place, { steps, inFlight }, measure) {
  const linear = rowOf(steps);
  return withWorker(place, { workflows: [linear], concurrency: inFlight }, (baton) =>
    measure(async (count) => {
      const from = performance.now();
      await runAll(baton, linear, count);
      return performance.now() - from;
    }),
  );
}

async function runAll(baton, workflow, count) {
  const inputs = Array.from({ length: count }, (_, i) => i);
  const handles = await baton.startMany(workflow, inputs);
  const results = await Promise.all(handles.map((handle) => handle.result({ timeout: '2m' })));
  const wrong = results.findIndex((result, i) => result !== inputs[i]);
  if (wrong >= 0) throw new Error(`run ${wrong} ended with ${results[wrong]}`);
}

function rowOf(steps) {
  let row = flow(`linear${steps}`);
  for (let i = 1; i <= steps; i++) row = row.then(`step${i}`, (value) => value);
  return row.build();
}
