/** Latency: short runs one after the other on idle services, from the start to the result in hand. */
import { flow } from 'batonmq';
import { percentile } from './statistics.js';
import { withWorker } from './with-worker.js';

const WARM_UP = 50;

const short = flow('short')
  .then('one', (value) => value)
  .then('two', (value) => value)
  .then('three', (value) => value)
  .build();

/** Milliseconds of a three-step run: the median, and what 95 of 100 stay below. */
export function measureLatency(place, { runs }) {
  return withWorker(place, { workflows: [short] }, async (baton) => {
    const times = [];
    for (let i = 0; i < WARM_UP + runs; i++) {
      const from = performance.now();
      const handle = await baton.start(short, i);
      await handle.result({ timeout: '30s' });
      if (i >= WARM_UP) times.push(performance.now() - from);
    }
    return { p50: percentile(times, 50), p95: percentile(times, 95) };
  });
}
