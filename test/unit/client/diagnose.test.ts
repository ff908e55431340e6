import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { branch, flow, task } from '../../../src/core/flow.js';
import { eventually } from '../../support/eventually.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

const order = flow<number>('order')
  .fork([branch('quick', (n) => n), branch('word', flow<number>('word').waitForSignal('go', { timeout: '1h' }))])
  .build();
const tagged = flow<number>('tagged')
  .then(task('far', (n: number) => n, { tags: ['gpu'] }))
  .build();
const flaky = flow<number>('flaky')
  .then(
    task(
      'bank',
      () => {
        throw new Error('closed');
      },
      { retry: { maxRetries: 2, initialDelay: '1h' } },
    ),
  )
  .build();
const nap = flow<number>('nap').delay('nap', '1h').build();

let memory: Memory;
beforeEach(() => {
  memory = inMemory();
});
afterEach(() => memory.close());

const told = async (id: string) => {
  const { run, troubles } = await memory.baton().diagnose(id);
  return { nodes: run?.nodes.map(({ node, state, waitsFor }) => `${node} ${state}: ${waitsFor}`), troubles };
};
const status = (id: string, expected: string) =>
  eventually(async () => (await memory.baton().run(id).status()).status === expected, { what: `${id} is ${expected}` });

describe('what a run waits for', () => {
  test('without a worker: for one, and that is what is wrong', async () => {
    await memory.baton().start(order, 1, { id: 'one' });
    const { nodes, troubles } = await told('one');
    expect(nodes).toEqual([
      'fork joining: the 2 of its parts that are below',
      expect.stringMatching(
        /^quick ready: a free worker \(1 message in its queue, 0 consumers, 0 running\), ready for \d+ ms$/,
      ),
      expect.stringMatching(
        /^go awaiting_signal: signal go: baton signal one go --payload JSON; or its timeout, due in (59 min|1 h)/,
      ),
    ]);
    expect(troubles).toEqual(['1 task is ready and no worker is there: start one with baton worker MODULE']);
  });

  test('with a worker: for the signal, and nothing is wrong', async () => {
    const baton = memory.baton();
    await baton.worker({ workflows: [order], id: 'w1' }).start();
    await baton.start(order, 1, { id: 'one' });
    await status('one', 'awaiting_signal');
    const diagnosis = await baton.diagnose('one');
    expect(diagnosis).toMatchObject({
      namespace: 'default',
      broker: 'up',
      workers: [{ id: 'w1', state: 'alive', pid: process.pid }],
      queues: [],
      run: { id: 'one', status: { status: 'awaiting_signal' } },
      troubles: [],
    });
  });

  test('with a worker of something else: for one with its structure and tags', async () => {
    const baton = memory.baton();
    await baton.worker({ workflows: [order, tagged], tags: ['cpu'] }).start();
    await baton.start(tagged, 1, { id: 'one' });
    const { troubles } = await told('one');
    expect(troubles).toEqual([
      `no worker has workflow tagged with structure ${tagged.hash.slice(0, 16)} and tags gpu: start one whose module has just this structure, or wait for one that is starting`,
    ]);
  });

  test('behind a worker that is busy to the full: for its turn, and nothing is wrong', async () => {
    const baton = memory.baton();
    const finishes: (() => void)[] = [];
    const long = flow<number>('long')
      .then('work', () => new Promise<void>((resolve) => finishes.push(resolve)))
      .build();
    await baton.worker({ workflows: [long, nap], id: 'w1', concurrency: 1 }).start();
    await baton.start(long, 1, { id: 'first' });
    await eventually(() => finishes.length === 1, { what: 'the first is at work' });
    await baton.start(long, 1, { id: 'second' });
    await baton.start(nap, 1, { id: 'third' });
    // So long it takes until a worker without a free slot consumes no more.
    await eventually(async () => (await baton.diagnose()).queues.some(({ depth }) => depth?.consumers === 0), {
      what: 'it consumes no more',
    });
    expect((await told('second')).nodes).toEqual([expect.stringMatching(/^work ready: a free worker \(/)]);
    expect((await told('second')).troubles).toEqual([]);
    finishes[0]?.();
    await eventually(() => finishes.length === 2, { what: 'the second is at work' });
    finishes[1]?.();
    await status('second', 'completed');
  });

  test('for the next attempt, the time of a delay, resume(), or a worker that is at it', async () => {
    const baton = memory.baton();
    let finish = () => {};
    const long = flow<number>('long')
      .then('work', () => new Promise<void>((resolve) => (finish = resolve)))
      .build();
    await baton.worker({ workflows: [flaky, nap, long], id: 'w1' }).start();
    await baton.start(flaky, 1, { id: 'flaky' });
    await baton.start(nap, 1, { id: 'nap' });
    await baton.start(long, 1, { id: 'long' });
    const state = (id: string, wanted: string) =>
      eventually(async () => (await baton.run(id).describe()).nodes[0]?.state === wanted, { what: `${id} ${wanted}` });
    await Promise.all([state('flaky', 'backing_off'), state('nap', 'delayed'), state('long', 'leased')]);
    expect(await told('flaky')).toEqual({
      nodes: [expect.stringMatching(/^bank backing_off: attempt 2, due in (59 min|1 h), at \d{4}-/)],
      troubles: [],
    });
    expect((await told('nap')).nodes).toEqual([expect.stringMatching(/^nap delayed: its time, due in (59 min|1 h)/)]);
    expect((await told('long')).nodes).toEqual([
      expect.stringMatching(/^work leased: attempt 1 on worker w1, for \d+ ms$/),
    ]);
    await baton.run('nap').pause();
    expect((await baton.diagnose('nap')).run).toMatchObject({ status: { status: 'paused' } });
    finish();
    await status('long', 'completed');
    expect(await told('long')).toEqual({ nodes: [], troubles: [] });
  });

  test('what a vanished worker left waits for another, and says so where there is none', async () => {
    const baton = memory.baton();
    let finish = () => {};
    const hang = flow<number>('hang')
      .then('work', () => new Promise<void>((resolve) => (finish = resolve)))
      .build();
    const worker = baton.worker({ workflows: [hang], id: 'w1' });
    await worker.start();
    await baton.start(hang, 1, { id: 'one' });
    await eventually(async () => (await baton.run('one').describe()).nodes[0]?.state === 'leased', { what: 'leased' });
    const [session] = await memory.store.sessions();
    const seenBy = (sessions: readonly (typeof session)[]) =>
      memory.baton({ store: { sessions: async () => sessions as never } }).diagnose('one');
    const gone = { ...session, state: 'gone' };
    const alone = await seenBy([gone as typeof session]);
    expect(alone.run?.nodes[0]?.waitsFor).toMatch(/^attempt 1 on worker w1, for \d+ ms; that one is gone$/);
    expect(alone.troubles).toEqual(['worker w1 is gone and no other is there: start one with baton worker MODULE']);
    const heired = await seenBy([gone, { ...session, key: '0', workerId: 'w2' }] as never);
    expect(heired.run?.nodes[0]?.waitsFor).toMatch(/that one is gone, and another takes it over in a moment$/);
    expect(heired.troubles).toEqual([]);
    finish();
  });
});

test('a broker that is away is what is wrong', async () => {
  const baton = memory.baton();
  memory.broker.setDown(true);
  expect((await baton.diagnose()).troubles).toEqual([
    'RabbitMQ is away (down): nothing new begins until it is back; nothing is lost meanwhile',
  ]);
});

test('a run that is not there is not found', async () => {
  await expect(memory.baton().diagnose('nope')).rejects.toThrow(/no run/);
});
