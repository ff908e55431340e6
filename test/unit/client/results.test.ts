import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClosedError } from '../../../src/client/connection.js';
import { ConnectionError, ResultTimeoutError, RunCancelledError, RunNotFoundError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

vi.mock('../../../src/runtime/limits.js', async (original) => {
  const { limits } = await original<{ limits: object }>();
  return { limits: { ...limits, resultPollMs: 40 } };
});

const parked = flow<string>('parked').waitForSignal('go').build();

let memory: Memory;
beforeEach(() => {
  memory = inMemory();
});
afterEach(() => memory.close());

/** A baton that counts its looks at rows. */
function counting(memory: Memory) {
  const looks: number[] = [];
  const baton = memory.baton({
    store: {
      runs: (keys) => {
        looks.push(keys.length);
        return memory.store.runs(keys);
      },
    },
  });
  return { baton, looks };
}

describe('waiting for a result', () => {
  test('the starting process is told; another one looks at the row', async () => {
    const [starter, other] = [memory.baton(), memory.baton()];
    const run = await starter.start(parked, 'a', { id: 'one' });
    const told = expect(run.result()).rejects.toThrow(RunCancelledError);
    const looked = expect(other.run('one').result()).rejects.toThrow(RunCancelledError);
    await memory.baton().run('one').cancel({ reason: 'no more', by: 'ada' });
    await Promise.all([told, looked]);
    await expect(run.result()).rejects.toMatchObject({ reason: 'no more', by: 'ada' });
  });

  test('all that wait are looked for in one statement, and nobody waiting means no statement', async () => {
    const { baton, looks } = counting(memory);
    const runs = await baton.startMany(
      parked,
      Array.from({ length: 50 }, () => 'x'),
    );
    const waiting = runs.map((run) => run.result().catch((error: unknown) => error));
    await expect.poll(() => looks.filter((keys) => keys === 50).length).toBeGreaterThanOrEqual(3);
    await Promise.all(runs.map((run) => run.cancel()));
    expect(await Promise.all(waiting)).toEqual(runs.map(() => expect.any(RunCancelledError)));
    const before = looks.length;
    // The turns of another process that does wait are the clock here.
    const other = counting(memory);
    const waits = (await other.baton.start(parked, 'x')).result({ timeout: '1m' }).catch((error: unknown) => error);
    await expect.poll(() => other.looks.length).toBeGreaterThanOrEqual(5);
    // One may have been under way.
    expect(looks.length).toBeLessThanOrEqual(before + 1);
    await other.baton.close();
    expect(await waits).toBeInstanceOf(ClosedError);
  });

  test('a run that ends while it is looked at is not missed', async () => {
    let once = true;
    const baton = memory.baton({
      store: {
        runs: async (keys) => {
          const rows = await memory.store.runs(keys);
          // It ends after the row was read and before the answer arrives; its message comes in between.
          if (once) {
            once = false;
            await memory.baton().run('one').cancel();
          }
          return rows;
        },
      },
    });
    const run = await baton.start(parked, 'a', { id: 'one' });
    await expect(run.result()).rejects.toThrow(RunCancelledError);
  });

  test('an outage of the store is sat out', async () => {
    let away = 3;
    const baton = memory.baton({
      store: {
        runs: async (keys) => {
          if (away-- > 0) throw new ConnectionError('Postgres', 'there');
          return memory.store.runs(keys);
        },
      },
    });
    const run = await baton.start(parked, 'a', { id: 'one' });
    const result = expect(run.result()).rejects.toThrow(RunCancelledError);
    await memory.baton().run('one').cancel();
    await result;
    expect(away).toBeLessThan(0);
  });

  test('a timeout ends the wait and not the run; its message says so', async () => {
    const run = await memory.baton().start(parked, 'a');
    await expect(run.result({ timeout: '30ms' })).rejects.toThrow(ResultTimeoutError);
    await expect(run.result({ timeout: 30 })).rejects.toThrow(/30 ms; it goes on/);
    expect(await run.status()).toEqual({ status: 'awaiting_signal', node: 'go', signal: 'go' });
  });

  test('closing tells whoever waits', async () => {
    const baton = memory.baton();
    const run = await baton.start(parked, 'a');
    const result = expect(run.result()).rejects.toThrow(ClosedError);
    await baton.close();
    await result;
  });
});

describe('which run a handle means', () => {
  test('none: every use says so, until there is one', async () => {
    const baton = memory.baton();
    const run = baton.run('one');
    await expect(run.status()).rejects.toThrow(RunNotFoundError);
    await expect(run.result()).rejects.toThrow(RunNotFoundError);
    await baton.start(parked, 'a', { id: 'one' });
    expect(await run.status()).toMatchObject({ status: 'awaiting_signal' });
  });

  test('the one that was current at its first use, even when the id goes to another', async () => {
    const baton = memory.baton();
    await baton.start(parked, 'a', { id: 'one' });
    const bound = baton.run('one');
    expect(await bound.status()).toMatchObject({ status: 'awaiting_signal' });
    await baton.start(parked, 'b', { id: 'one', conflict: 'terminate_existing' });
    expect(await bound.status()).toMatchObject({ status: 'cancelled' });
    expect(await baton.run('one').status()).toMatchObject({ status: 'awaiting_signal' });
  });
});
