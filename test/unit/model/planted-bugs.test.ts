/** The model is only worth something if it finds what is wrong: each of these stores is wrong in one way. */
import { describe, expect, test } from 'vitest';
import type { MemoryRun } from '../../../src/store/memory/rows.js';
import type { Space } from '../../../src/store/memory/space.js';
import type { Store } from '../../../src/store/store.js';
import { checkModel, ModelError } from '../../support/run-model/check.js';
import { openInMemory } from '../../support/run-model/in-memory.js';

type Plant = (store: Store, space: Space) => Partial<Store>;

const PLANTED: Record<string, Plant> = {
  'a cancel is undone by resume': (store, space) => ({
    resume: (key) => {
      const run = space.run(key);
      if (run.status === 'cancelled') revive(space, run);
      return store.resume(key);
    },
  }),
  'a signal that comes twice is taken twice': (store) => ({
    signal: (request) => store.signal({ ...request, id: null }),
  }),
  'a signal that is taken stays in the buffer': (store) => ({
    signal: async (request) => {
      const result = await store.signal(request);
      if (result.kind === 'delivered') await store.signal({ ...request, id: null });
      return result;
    },
  }),
  'a retry leaves out the siblings': (store, space) => ({
    retry: (key, token) => {
      for (const row of space.run(key).rows.values()) row.stopped = undefined;
      return store.retry(key, token);
    },
  }),
};

function revive(space: Space, run: MemoryRun): void {
  run.status = 'paused';
  for (const row of run.rows.values()) if (row.state === 'cancelled') space.move(row, 'held', undefined);
}

const NAMES = Object.keys(PLANTED);

/** Plays on a store with this bug until the model finds it. */
async function find(name: string, options: { readonly seed: number; readonly path?: string }): Promise<ModelError> {
  const open = () => openInMemory((store, space) => PLANTED[name]!(store, space));
  const failure = await checkModel(open, { numRuns: 1_000, shrinkMs: 10_000, ...options }).catch((error) => error);
  expect(failure).toBeInstanceOf(ModelError);
  return failure as ModelError;
}

describe('the model finds that', () => {
  test.for(NAMES)('%s', { timeout: 60_000 }, async (name) => {
    const { mismatch } = await find(name, { seed: 1 });
    // Short enough to be understood at a glance, however long the sequence was that it was found in.
    expect(mismatch.told.length).toBeLessThanOrEqual(5);
    expect(mismatch.told[0]).toMatch(/^start \w+/);
  });
});

describe('what it found', () => {
  test('is told one command a line, with what was expected and what was found', { timeout: 60_000 }, async () => {
    const { message } = await find(NAMES[0]!, { seed: 1 });
    const [head, , start, ...rest] = message.split('\n');
    expect(head).toBe('a run did what its model does not:');
    expect(start).toMatch(/^ {2}start \w+$/);
    expect(rest.slice(0, 8)).toEqual([
      '  → cancel',
      '  → resume',
      '',
      'expected',
      '  the answer RUN_TERMINAL',
      'found',
      '  the answer done',
      '',
    ]);
    expect(rest[8]).toMatch(/^again: BATON_MODEL_SEED=1 BATON_MODEL_PATH=[\d:]+$/);
  });

  test('is found again by its seed and path, at once', { timeout: 60_000 }, async () => {
    const { message } = await find(NAMES[1]!, { seed: 1 });
    const path = /BATON_MODEL_PATH=(\S+)/.exec(message)![1]!;
    const again = await find(NAMES[1]!, { seed: 1, path });
    expect(again.message.split('\nagain')[0]).toBe(message.split('\nagain')[0]);
  });
});
