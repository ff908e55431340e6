/**
 * `npm run bench`: what a step costs through Baton, beside what it costs at least. Steps per second mean little on a
 * machine that nobody knows; the ratio of two loops that ran in turn on the same services does. Three rounds,
 * medians. With `--json` it prints the figures as JSON. DATABASE_URL and AMQP_URL name the services (default: local).
 */
import { measureLatency } from './latency.js';
import { measureLimit } from './limit.js';
import { measureLinear } from './linear.js';
import { createPlace } from './place.js';
import { measureStartMany } from './start-many.js';
import { median } from './statistics.js';

const ROUNDS = 3;
const LINEAR = { runs: 500, steps: 10, inFlight: 128 };
const LATENCY = { runs: 200 };
const START_MANY = { runs: 10_000 };
const TARGETS = { linearToLimit: 0.5, idleP50Ms: 12, startsPerSecond: 5_000 };
/** The same loop in the prototype that the design rests on, on the same class of machine (two cores for all). */
const PROTOTYPE_LIMIT = 6_075;

const json = process.argv.includes('--json');

// What is started and never run stands in nobody's way.
const [place, waitingRoom] = await Promise.all([createPlace(), createPlace()]);
try {
  const rounds = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const limit = await measureLimit(place, LINEAR);
    const linear = await measureLinear(place, LINEAR);
    const idle = await measureLatency(place, LATENCY);
    const starts = await measureStartMany(waitingRoom, START_MANY);
    rounds.push({ limit, linear, starts, idleP50Ms: idle.p50, idleP95Ms: idle.p95 });
    if (!json) console.log(`round ${round}: ${Object.entries(rounds.at(-1)).map(shown).join(', ')}`);
  }
  const figures = summarize(rounds);
  console.log(json ? JSON.stringify({ ...figures, targets: TARGETS, rounds }, undefined, 2) : text(figures));
} finally {
  for (const { remove } of [place, waitingRoom]) await remove();
}

function summarize(rounds) {
  const of = (key) => median(rounds.map((round) => round[key]));
  const [limit, linear] = [of('limit'), of('linear')];
  return {
    limitStepsPerSecond: limit,
    linearStepsPerSecond: linear,
    linearToLimit: linear / limit,
    startsPerSecond: of('starts'),
    idleP50Ms: of('idleP50Ms'),
    idleP95Ms: of('idleP95Ms'),
  };
}

function text({ limitStepsPerSecond, linearStepsPerSecond, linearToLimit, startsPerSecond, idleP50Ms, idleP95Ms }) {
  const { runs, steps, inFlight } = LINEAR;
  return [
    '',
    `medians of ${ROUNDS} rounds, ${runs} runs of ${steps} steps, ${inFlight} steps in flight`,
    `  limit by hand    ${whole(limitStepsPerSecond)} steps/s (the prototype's figure on the same class of machine: ${whole(PROTOTYPE_LIMIT)})`,
    `  linear           ${whole(linearStepsPerSecond)} steps/s`,
    `  linear / limit   ${linearToLimit.toFixed(2)} (${verdict(linearToLimit >= TARGETS.linearToLimit)}: at least ${TARGETS.linearToLimit})`,
    `  startMany()      ${whole(startsPerSecond)} runs/s (${verdict(startsPerSecond >= TARGETS.startsPerSecond)}: at least ${whole(TARGETS.startsPerSecond)})`,
    `  idle 3-step run  p50 ${idleP50Ms.toFixed(1)} ms, p95 ${idleP95Ms.toFixed(1)} ms (${verdict(idleP50Ms <= TARGETS.idleP50Ms)}: p50 at most ${TARGETS.idleP50Ms} ms)`,
  ].join('\n');
}

function verdict(met) {
  return met ? 'met' : 'MISSED';
}

function shown([name, value]) {
  return `${name} ${value.toFixed(1)}`;
}

function whole(value) {
  return Math.round(value).toLocaleString('en');
}
