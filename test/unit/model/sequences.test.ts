/** Runs in memory, on a clock that is turned by hand, do what the model of a run does, whatever is done to them. */
import { expect, test } from 'vitest';
import { checkModel } from '../../support/run-model/check.js';
import { openInMemory } from '../../support/run-model/in-memory.js';
import { type Situation, situations } from '../../support/run-model/tally.js';

const LONG = process.env.BATON_LONG !== undefined;
const numRuns = LONG ? 5_000 : 400;

/** What may be done while a run is in each of its states. A release takes something that is at work. */
const EVERY: readonly Situation[] = situations(
  ['start', 'signal', 'cancel', 'pause', 'resume', 'retry', 'pass', 'crash'],
  ['running', 'waiting', 'awaiting_signal', 'paused', 'completed', 'failed', 'cancelled'],
);

test(`${numRuns} random sequences of commands, time, crashes and restarts`, { timeout: 600_000 }, async () => {
  const { played } = await checkModel(() => openInMemory(), { numRuns });
  expect(EVERY.filter((situation) => !played.has(situation))).toEqual([]);
  expect(played.get('release while running')).toBeGreaterThan(numRuns / 10);
});
