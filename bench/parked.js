/**
 * `npm run bench:parked`: what half a million parked runs cost those that are ready, and an idle worker. Two databases
 * on one server, one with the parked runs and one without; pairs of the linear workload, one in each, and the ratio
 * within each pair. The parked ones are started by `startMany()`, so their rows are what the product writes:
 * a third waits for a delay, a third for a signal, a third for a signal with a timeout.
 *
 * `--runs N`, `--pairs N` for other sizes, `--json` for figures as JSON.
 */
import { parseArgs } from 'node:util';
import { connect, flow } from 'batonmq';
import { measureIdle } from './idle.js';
import { withLinear } from './linear.js';
import { createPlace, onPostgres } from './place.js';
import { median } from './statistics.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500000' },
    pairs: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
});
const RUNS = Number(values.runs);
const PAIRS = Number(values.pairs);
const AT_ONCE = 5_000;
const LINEAR = { steps: 10, inFlight: 128 };
/** The two of a pair take turns of about half a second: what else the machine does then hits both. */
const SLICE = { runs: 400, times: 6 };
const TARGETS = { parkedToEmpty: 0.93, idlePerSecond: 2 };

const after = (value) => value;
const parking = [
  flow('delayed').delay('month', '30d').then('after', after).build(),
  flow('waiting').waitForSignal('go').then('after', after).build(),
  flow('timed').waitForSignal('go', { timeout: '30d' }).then('after', after).build(),
];

const places = await Promise.all([createPlace(), createPlace()]);
const [empty, full] = places;
try {
  const parkedPerSecond = await park(full);
  say(`parked ${whole(RUNS)} runs, ${whole(parkedPerSecond)}/s`);
  await withLinear(empty, LINEAR, (run) => run(1));
  for (const { postgres } of places) await settle(postgres);
  const [idle, idleParked] = await Promise.all([measureIdle(empty), measureIdle(full)]);
  say(`idle: ${shown(idle)}; with parked runs: ${shown(idleParked)}`);
  const pairs = await withLinear(empty, LINEAR, (inEmpty) =>
    withLinear(full, LINEAR, (inFull) => measurePairs({ empty: inEmpty, full: inFull })),
  );
  const ratios = pairs.map(({ ratio }) => ratio);
  const figures = {
    parkedRuns: RUNS,
    parkedToEmpty: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    parkedPerSecond,
    idle,
    idleParked,
  };
  console.log(values.json ? JSON.stringify({ ...figures, targets: TARGETS, pairs }, undefined, 2) : text(figures));
} finally {
  for (const place of places) await place.remove();
}

/** Starts them and answers with how many a second that was. */
async function park({ postgres, rabbitmq, namespace }) {
  const baton = await connect({ postgres, rabbitmq, namespace });
  try {
    const from = performance.now();
    for (let first = 0, i = 0; first < RUNS; first += AT_ONCE, i++) {
      const inputs = Array.from({ length: Math.min(AT_ONCE, RUNS - first) }, (_, n) => first + n);
      await baton.startMany(parking[i % parking.length], inputs);
    }
    return RUNS / ((performance.now() - from) / 1_000);
  } finally {
    await baton.close();
  }
}

/** What an unattended server would have done by itself a little later, in the middle of a measurement. */
async function settle(postgres) {
  await onPostgres(postgres, async (client) => {
    await client.query('vacuum analyze');
    await client.query('checkpoint');
  });
}

async function measurePairs(run) {
  for (const name of ['empty', 'full']) await run[name](SLICE.runs);
  const pairs = [];
  for (let i = 1; i <= PAIRS; i++) {
    const { empty: emptyMs, full: fullMs } = await measurePair(run);
    const [perEmpty, perFull] = [stepsPerSecond(emptyMs), stepsPerSecond(fullMs)];
    const ratio = perFull / perEmpty;
    pairs.push({ empty: perEmpty, full: perFull, ratio });
    say(`pair ${i}: empty ${whole(perEmpty)}, parked ${whole(perFull)} steps/s, ratio ${ratio.toFixed(2)}`);
  }
  return pairs;
}

/** Who goes first changes: neither always has what the other has warmed up, or left to be cleaned up. */
async function measurePair(run) {
  const ms = { empty: 0, full: 0 };
  for (let i = 0; i < SLICE.times; i++) {
    for (const name of i % 2 === 0 ? ['empty', 'full'] : ['full', 'empty']) ms[name] += await run[name](SLICE.runs);
  }
  return ms;
}

function stepsPerSecond(ms) {
  return (SLICE.runs * SLICE.times * LINEAR.steps) / (ms / 1_000);
}

function text({ parkedToEmpty, least, most, idle, idleParked }) {
  const met = parkedToEmpty >= TARGETS.parkedToEmpty;
  const quiet = Math.max(idle.transactions, idleParked.transactions) < TARGETS.idlePerSecond;
  return [
    '',
    `${PAIRS} pairs of ${whole(SLICE.runs * SLICE.times)} runs of ${LINEAR.steps} steps, beside ${whole(RUNS)} parked runs and beside none`,
    `  parked / empty  median ${parkedToEmpty.toFixed(2)}, from ${least.toFixed(2)} to ${most.toFixed(2)} (${verdict(met)}: median at least ${TARGETS.parkedToEmpty})`,
    `  idle worker     ${shown(idleParked)}; without parked runs ${shown(idle)} (${verdict(quiet)}: fewer than ${TARGETS.idlePerSecond} transactions)`,
  ].join('\n');
}

function shown({ transactions, pages }) {
  return `${transactions.toFixed(2)} transactions/s, ${Math.round(pages)} pages/s`;
}

function say(line) {
  if (!values.json) console.log(line);
}

function verdict(met) {
  return met ? 'met' : 'MISSED';
}

function whole(value) {
  return Math.round(value).toLocaleString('en');
}
