import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListFilter, RunSummary } from '../../../src/client/list.js';
import { ConfigError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

const parked = flow<number>('parked').waitForSignal('go', { timeout: '1h' }).build();
const nap = flow<number>('nap').delay('rest', '1h').build();

let memory: Memory;
beforeEach(() => {
  memory = inMemory();
});
afterEach(() => memory.close());

async function list(filter?: ListFilter): Promise<RunSummary[]> {
  const summaries: RunSummary[] = [];
  for await (const summary of memory.baton().list(filter)) summaries.push(summary);
  return summaries;
}

describe('listing runs', () => {
  test('all of them, newest first, however many pages that takes', async () => {
    // Runs that are started together are stored in order of their ids.
    const ids = Array.from({ length: 250 }, (_, i) => `run-${100 + i}`);
    await memory.baton().startMany(nap, [...ids.keys()], { id: (n) => ids[n] as string });
    const newestFirst = ids.toReversed();
    expect((await list()).map(({ id }) => id)).toEqual(newestFirst);
    expect((await list({ limit: 120 })).map(({ id }) => id)).toEqual(newestFirst.slice(0, 120));
    expect(await list({ limit: 0 })).toEqual([]);
  });

  test('running takes in those that wait, and each summary says where', async () => {
    const baton = memory.baton();
    await baton.start(parked, 1, { id: 'a' });
    await baton.start(nap, 1, { id: 'b' });
    await (await baton.start(nap, 1, { id: 'c' })).cancel();
    expect(await list({ status: 'running' })).toMatchObject([
      { id: 'b', status: 'waiting', node: 'rest', until: expect.any(Date) },
      { id: 'a', status: 'awaiting_signal', node: 'go', signal: 'go', until: expect.any(Date) },
    ]);
    expect(await list({ status: 'cancelled' })).toMatchObject([
      { id: 'c', status: 'cancelled', finishedAt: expect.any(Date) },
    ]);
  });

  test('by workflow, by metadata, and by the time of their start', async () => {
    const baton = memory.baton();
    await baton.start(nap, 1, { id: 'a', metadata: { tenant: 'x', region: { name: 'eu' } } });
    await baton.start(nap, 1, { id: 'b', metadata: { tenant: 'y', region: { name: 'eu' } } });
    await baton.start(parked, 1, { id: 'c' });
    expect((await list({ workflow: 'nap' })).map(({ id }) => id)).toEqual(['b', 'a']);
    expect((await list({ metadata: { tenant: 'x' } })).map(({ id }) => id)).toEqual(['a']);
    expect((await list({ metadata: { region: { name: 'eu' } }, limit: 1 })).map(({ id }) => id)).toEqual(['b']);
    const { createdAt } = (await list({ workflow: 'parked' }))[0] as RunSummary;
    expect((await list({ until: createdAt })).map(({ id }) => id)).not.toContain('c');
    expect((await list({ since: createdAt.getTime() })).map(({ id }) => id)).toContain('c');
  });

  test('a run that gave its id away is still listed', async () => {
    const baton = memory.baton();
    await baton.start(nap, 1, { id: 'a' });
    await baton.start(nap, 1, { id: 'a', conflict: 'terminate_existing' });
    expect(await list()).toMatchObject([
      { id: 'a', status: 'waiting' },
      { id: 'a', status: 'cancelled' },
    ]);
  });

  test.each([
    [{ status: 'done' }, /status is one of running, paused/],
    [{ limit: -1 }, /limit is a number from 0/],
    [{ since: 'yesterday' }, /since is a Date/],
    [{ workflows: 'a' }, /list\(\) has no option "workflows"/],
  ])('the filter %o is refused at once', (filter, message) => {
    expect(() => memory.baton().list(filter as unknown as ListFilter)).toThrow(ConfigError);
    expect(() => memory.baton().list(filter as unknown as ListFilter)).toThrow(message);
  });
});
