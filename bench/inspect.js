/**
 * What `inspect` costs while nobody looks: the throughput of a worker with it, divided by that of one without, in pairs
 * that take turns at going first. `node bench/inspect.js [pairs]`, after a build.
 */
import { withLinear } from './linear.js';
import { createPlace } from './place.js';
import { median } from './statistics.js';

const PAIRS = Number(process.argv[2] ?? 7);
const ROW = { steps: 10, inFlight: 200 };
const RUNS = 600;

const place = await createPlace();
try {
  const ratios = await withLinear(place, ROW, (plain) =>
    withLinear({ ...place, namespace: `${place.namespace}_i`, inspect: true }, ROW, async (inspected) => {
      for (const run of [plain, inspected]) await run(RUNS);
      const found = [];
      for (let pair = 0; pair < PAIRS; pair++) found.push(await ratio(plain, inspected, pair % 2 === 1));
      return found;
    }),
  );
  const rounded = ratios.map((value) => value.toFixed(2));
  console.log(
    `with inspect / without, ${PAIRS} pairs: median ${median(ratios).toFixed(3)}, of ${rounded.sort().join(' ')}`,
  );
} finally {
  await place.remove();
}

async function ratio(plain, inspected, turned) {
  const [first, second] = turned ? [inspected, plain] : [plain, inspected];
  const [firstMs, secondMs] = [await first(RUNS), await second(RUNS)];
  return turned ? secondMs / firstMs : firstMs / secondMs;
}
