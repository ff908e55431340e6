import { expect, test } from 'vitest';
import { branch, flow } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function statuses(rules: Rules): void {
  const work = gate();
  const parallel = rules.known(
    flow<number>('parallel')
      .fork([
        branch('long', flow<number>('long-nap').delay('long', '2h')),
        branch('short', flow<number>('short-nap').delay('short', '1h')),
        branch('works', async (n: number) => {
          await work.opened;
          return n;
        }),
        branch('asks', flow<number>('asks-word').waitForSignal<string>('word', { timeout: '3h' })),
      ])
      .build(),
  );
  test('of parallel branches: running while one works, else awaiting its signal, else waiting for the earliest delay', async () => {
    const run = await rules.baton.start(parallel, 1);
    await eventually(async () =>
      expect((await run.describe()).nodes.map(({ state }) => state)).toEqual([
        'joining',
        'delayed',
        'delayed',
        'leased',
        'awaiting_signal',
      ]),
    );
    expect(await run.status()).toEqual({ status: 'running' });
    work.open();
    await eventually(async () =>
      expect(await run.status()).toEqual({
        status: 'awaiting_signal',
        node: 'word',
        signal: 'word',
        until: expect.any(Date),
      }),
    );
    await run.signal('word', 'so');
    await eventually(async () =>
      expect(await run.status()).toEqual({ status: 'waiting', node: 'short', until: expect.any(Date) }),
    );
    const status = await run.status();
    const until = status.status === 'waiting' ? status.until.getTime() - Date.now() : 0;
    expect(until).toBeGreaterThan(3_580_000);
    expect(until).toBeLessThan(3_601_000);
    await run.cancel();
  });

  const backing = rules.known(
    flow<number>('backing')
      .fork([
        branch('naps', flow<number>('naps').delay('nap', '1h')),
        branch(
          'fails',
          flow<number>('fails-once').then(
            'fails',
            () => {
              throw new Error('not yet');
            },
            { retry: { maxRetries: 1, initialDelay: '1h' } },
          ),
        ),
      ])
      .build(),
  );
  test('of a node that backs off is running', async () => {
    const run = await rules.baton.start(backing, 1);
    await eventually(async () =>
      expect((await run.describe()).nodes.map(({ state }) => state)).toEqual(['joining', 'delayed', 'backing_off']),
    );
    expect(await run.status()).toEqual({ status: 'running' });
    await run.cancel();
  });

  const child = flow<number>('inner-nap').delay('nap', '1h').build();
  const parent = rules.known(flow<number>('outer').thenFlow(child).build());
  test('names nodes inside child flows as taskResult() does', async () => {
    const run = await rules.baton.start(parent, 1);
    expect(await run.status()).toMatchObject({ status: 'waiting', node: 'inner-nap/nap' });
    expect((await run.describe()).nodes).toMatchObject([{ node: 'inner-nap/nap', kind: 'delay', state: 'delayed' }]);
    await run.cancel();
  });

  const order = rules.known(
    flow<number>('described')
      .then('first', (n) => n + 1)
      .fork([
        branch(
          'slow',
          flow<number>('slow')
            .then('work', (n) => n)
            .delay('rest', '1h'),
        ),
        branch('fast', (n: number) => n),
      ])
      .join('sum', ([a, b]) => a + b)
      .build(),
  );
  test('described: every node that the run came to, in the order of the tree, with state, attempt, times and worker', async () => {
    const before = Date.now();
    const run = await rules.baton.start(order, 1, { id: 'described', priority: 2, metadata: { tenant: 'a' } });
    await eventually(async () => expect((await run.status()).status).toBe('waiting'));
    const description = await run.describe();
    expect(description).toMatchObject({
      id: 'described',
      workflow: 'described',
      hash: order.hash,
      priority: 2,
      metadata: { tenant: 'a' },
    });
    expect(description.status).toMatchObject({ status: 'waiting', until: expect.any(Date) });
    expect(description.nodes.map(({ path, node, kind, state }) => [path, node, kind, state])).toEqual([
      ['/0', 'first', 'task', 'completed'],
      ['/1', 'sum', 'fork', 'joining'],
      ['/1/b0/0', 'work', 'task', 'completed'],
      ['/1/b0/1', 'rest', 'delay', 'delayed'],
      ['/1/b1/0', 'fast', 'task', 'completed'],
    ]);
    const [first, , , rest] = description.nodes;
    expect(first).toMatchObject({ attempt: 1, losses: 0, worker: rules.worker.id });
    const times = [description.createdAt, description.startedAt, first?.startedAt, first?.finishedAt].map(
      (at) => at?.getTime() ?? 0,
    );
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    // Both clocks are this machine's.
    expect(times[0]).toBeGreaterThanOrEqual(before - 1_000);
    expect(rest?.dueAt?.getTime()).toBeGreaterThan(before + 3_599_000);
    await run.cancel();
    expect((await run.describe()).finishedAt).toBeInstanceOf(Date);
  });

  const quick = rules.known(
    flow<number>('quick-status')
      .then('one', (n) => n + 1)
      .build(),
  );
  test('of a completed run has its output, and describes it', async () => {
    const run = await rules.baton.start(quick, 1);
    await run.result(soon);
    expect(await run.status()).toEqual({ status: 'completed', output: 2 });
    expect((await run.describe()).status).toEqual({ status: 'completed', output: 2 });
  });

  const listed = rules.known(flow<number>('listed').waitForSignal('word', { timeout: '1h' }).build());
  test('listed: by workflow, status, metadata and time, newest first, with where each waits', async () => {
    const first = await rules.baton.start(listed, 1, {
      id: 'listed-1',
      metadata: { tenant: 'x', region: { name: 'eu' } },
    });
    await rules.baton.start(listed, 1, { id: 'listed-2', metadata: { tenant: 'y', region: { name: 'eu' } } });
    await (await rules.baton.start(listed, 1, { id: 'listed-3' })).cancel();
    await (await rules.baton.start(listed, 1, { id: 'listed-4' })).pause();
    const ids = async (filter: object) => {
      const found: string[] = [];
      for await (const { id } of rules.baton.list({ workflow: 'listed', ...filter })) found.push(id.slice(-1));
      return found.join('');
    };
    expect(await ids({})).toBe('4321');
    expect(await ids({ limit: 2 })).toBe('43');
    expect([
      await ids({ status: 'running' }),
      await ids({ status: 'cancelled' }),
      await ids({ status: 'paused' }),
    ]).toEqual(['21', '3', '4']);
    expect(await ids({ metadata: { region: { name: 'eu' } } })).toBe('21');
    expect(await ids({ metadata: { tenant: 'x' }, status: 'running' })).toBe('1');
    const { createdAt } = await first.describe();
    expect(await ids({ until: createdAt })).toBe('');
    expect(await ids({ since: createdAt })).toBe('4321');
    for await (const summary of rules.baton.list({ workflow: 'listed', metadata: { tenant: 'x' } }))
      expect(summary).toMatchObject({
        status: 'awaiting_signal',
        node: 'word',
        signal: 'word',
        until: expect.any(Date),
      });
  });
}
