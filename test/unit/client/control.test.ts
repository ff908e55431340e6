/** How control reaches whom it concerns: tasks at work, results that are waited for, in this process and in others. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { ConnectionError, RunCancelledError } from '../../../src/core/errors.js';
import { flow, task } from '../../../src/core/flow.js';
import type { Store } from '../../../src/store/store.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

/** The next heartbeat of these workers, or look at a row, would be later than this. */
const AT_ONCE = { timeout: 2_000, interval: 5 };

const told: unknown[] = [];
const begun: string[] = [];
const patient = (id: string) =>
  task(id, (_: unknown, { signal }) => {
    begun.push(id);
    return new Promise<void>((_resolve, reject) => {
      const stop = () => {
        told.push(signal.reason);
        reject(signal.reason);
      };
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop);
    });
  });
const long = flow<number>('long').then(patient('work')).build();
const quick = task('first', (_: number, { signal }) => {
  signal.addEventListener('abort', () => begun.push('first is over'));
});
const twice = flow<number>('twice').then(quick).then(patient('second')).build();
const parked = flow<number>('parked').waitForSignal('go').build();

let memory: Memory;
let baton: Baton;
beforeEach(() => {
  told.splice(0);
  begun.splice(0);
  memory = inMemory();
  baton = memory.baton();
});
afterEach(() => memory.close());

/** A worker in a process of its own, whose store does some verbs otherwise. */
async function work(store: Partial<Store> = {}): Promise<void> {
  await memory
    .baton({ store })
    .worker({ workflows: [long, twice, parked] })
    .start();
}

/** Answers that are kept back until they are let go. */
function keptBack() {
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => (letGo = resolve));
  let asked = () => {};
  const given = new Promise<void>((resolve) => (asked = resolve));
  const keep = async <T>(answer: T): Promise<T> => {
    asked();
    await gone;
    return answer;
  };
  return { letGo, given, keep };
}

test('a task is told of a cancel that overtook the answer to its lease', async () => {
  const { letGo, given, keep } = keptBack();
  await work({ lease: async (...request) => keep(await memory.store.lease(...request)) });
  const run = await baton.start(long, 1);
  await given;
  await run.cancel({ reason: 'too late', by: 'ann' });
  // The news is there before the lease.
  await expect(run.result({ timeout: '3s' })).rejects.toBeInstanceOf(RunCancelledError);
  letGo();
  await expect.poll(() => told, AT_ONCE).toMatchObject([{ code: 'RUN_CANCELLED', reason: 'too late', by: 'ann' }]);
});

test('a task is told of a cancel that overtook the commit which leased it', async () => {
  const { letGo, given, keep } = keptBack();
  await work({ commit: async (...request) => keep(await memory.store.commit(...request)) });
  const run = await baton.start(twice, 1);
  await given;
  await run.cancel({ reason: 'too late' });
  await expect.poll(() => begun, AT_ONCE).toEqual(['first is over']);
  letGo();
  await expect.poll(() => told, AT_ONCE).toMatchObject([{ code: 'RUN_CANCELLED', reason: 'too late' }]);
});

test('a cancel whose answer was lost reaches the task all the same', async () => {
  await work();
  const unsure = memory.baton({
    store: {
      cancel: async (...request) => {
        const result = await memory.store.cancel(...request);
        if (result.kind === 'done' && !result.changed) return result;
        throw new ConnectionError('Postgres', 'cut');
      },
    },
  });
  const run = await unsure.start(long, 1);
  await expect.poll(() => begun).toEqual(['work']);
  const ended = run.result({ timeout: '3s' });
  await Promise.all([run.cancel({ reason: 'sure' }), expect(ended).rejects.toMatchObject({ reason: 'sure' })]);
  await expect.poll(() => told, AT_ONCE).toMatchObject([{ code: 'RUN_CANCELLED', reason: 'sure' }]);
});

/** Another process, waiting for the result of the run `one` and told nothing yet. */
async function waiting(): Promise<{ readonly error: Promise<unknown> }> {
  let looks = 0;
  const other = memory.baton({
    store: {
      runs: async (keys) => {
        const rows = await memory.store.runs(keys);
        looks++;
        return rows;
      },
    },
  });
  const error = other
    .run('one')
    .result({ timeout: '3s' })
    .catch((reason: unknown) => reason);
  await expect.poll(() => looks).toBe(1);
  return { error };
}

test('whoever waits for the result hears of a cancel at once, in whatever process', async () => {
  await baton.start(parked, 1, { id: 'one' });
  const others = [await waiting(), await waiting()];
  await memory.baton().run('one').cancel();
  for (const { error } of others) expect(await error).toBeInstanceOf(RunCancelledError);
});

test('whoever waits for the result hears of a start that takes the id, in whatever process', async () => {
  await baton.start(parked, 1, { id: 'one' });
  const { error } = await waiting();
  await memory.baton().start(parked, 2, { id: 'one', conflict: 'terminate_existing' });
  expect(await error).toBeInstanceOf(RunCancelledError);
});

test('a process that cancels a run tells its own waiters, whether there is a broker or not', async () => {
  await baton.start(parked, 1, { id: 'one' });
  memory.broker.setDown(true);
  const run = memory.baton().run('one');
  const ended = run.result({ timeout: '3s' }).catch((reason: unknown) => reason);
  await run.status();
  await run.cancel();
  expect(await ended).toBeInstanceOf(RunCancelledError);
});

test.each(['blocked', 'down'] as const)('a task is told of a cancel while the broker is %s', async (state) => {
  await work();
  const run = await baton.start(long, 1);
  await expect.poll(() => begun).toEqual(['work']);
  if (state === 'blocked') memory.broker.setBlocked(true);
  else memory.broker.setDown(true);
  await run.cancel({ reason: 'all the same' });
  await expect.poll(() => told, AT_ONCE).toMatchObject([{ code: 'RUN_CANCELLED', reason: 'all the same' }]);
});

test('a task is told of a cancel that nobody could tell of, as soon as the broker is back', async () => {
  await work();
  const mute = memory.baton({ store: { tell: () => Promise.reject(new ConnectionError('Postgres', 'cut')) } });
  const run = await mute.start(long, 1);
  await expect.poll(() => begun).toEqual(['work']);
  memory.broker.setDown(true);
  await run.cancel({ reason: 'meanwhile' });
  memory.broker.setDown(false);
  await expect.poll(() => told, AT_ONCE).toMatchObject([{ code: 'RUN_CANCELLED', reason: 'meanwhile' }]);
});
