/**
 * Runs on Postgres and RabbitMQ, whose workers are processes that are killed, do what the model of a run does, whatever
 * is done to them and whenever.
 */
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { ownServices } from '../../support/own-services.js';
import { checkModel, ModelError } from '../../support/run-model/check.js';
import { Theatre, type TheatreOptions } from '../../support/run-model/on-services.js';
import { situations } from '../../support/run-model/tally.js';

const LONG = process.env.BATON_LONG !== undefined;
const numRuns = LONG ? 600 : 48;

const services = ownServices('model');
const theatres: Theatre[] = [];
afterEach(async () => {
  for (const theatre of theatres.splice(0)) await theatre.close();
});

async function openTheatre(options: TheatreOptions = {}): Promise<Theatre> {
  const theatre = await Theatre.open(services, options);
  theatres.push(theatre);
  return theatre;
}

test(`${numRuns} random sequences of commands, time, killed workers and new ones`, { timeout: 400_000 }, async () => {
  const theatre = await openTheatre();
  const { sequences, deaths, played } = await checkModel(() => theatre.driver(), { numRuns, lanes: 16 });
  expect(sequences).toBeGreaterThanOrEqual(numRuns);
  expect(deaths).toBeGreaterThan(numRuns / 8);
  for (const act of ['signal', 'cancel', 'pause', 'resume', 'retry', 'release', 'crash'] as const) {
    const whileLive = situations([act], ['running', 'waiting', 'awaiting_signal', 'paused']);
    expect(whileLive.some((situation) => played.has(situation))).toBe(true);
  }
});

// Each sequence that fails takes all of the patience.
if (LONG)
  test('a retry that leaves out the siblings is found here, too', { timeout: 200_000 }, async () => {
    const pool = new pg.Pool({ connectionString: services.postgres, max: 4 });
    const forget = 'update baton.activations set stopped_in = null, stopped_due_at = null where run_key = $1';
    const theatre = await openTheatre({
      patienceMs: 2_000,
      mostDeaths: 0,
      plant: (store) => ({
        retry: async (run, token) => {
          await pool.query(forget, [run]);
          return store.retry(run, token);
        },
      }),
    });
    const found = await checkModel(() => theatre.driver(), { numRuns: 2_000, lanes: 16, shrinkMs: 60_000 }).catch(
      (error: unknown) => error,
    );
    await pool.end();
    expect(found).toBeInstanceOf(ModelError);
    expect((found as ModelError).mismatch.told.some((command) => command.includes('retry'))).toBe(true);
  });
