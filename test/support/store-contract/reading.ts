import { expect } from 'vitest';
import type { WorldTest } from './theme.js';
import { bytes, ref, text } from './world.js';

export function reading(test: WorldTest): void {
  test('a run is found by its id with everything that is known of it', async ({ world }) => {
    const before = await world.now();
    const { run } = await world.started({ id: 'order-1', priority: 2, metadata: '{"a":1}', replyTo: 'me' });
    const row = await world.other.findRun('order-1');
    expect(row).toEqual({
      run,
      id: 'order-1',
      workflow: 'checkout',
      hash: 'ab'.repeat(32),
      priority: 2,
      metadata: '{"a":1}',
      replyTo: 'me',
      status: 'running',
      output: undefined,
      error: undefined,
      failedTask: undefined,
      failedAttempt: undefined,
      reason: undefined,
      by: undefined,
      current: true,
      createdAt: expect.any(Number),
      startedAt: undefined,
      finishedAt: undefined,
    });
    expect(row?.createdAt).toBeGreaterThanOrEqual(before);
    await (await world.worker()).complete(run, '/0', { finish: { source: '/0', recipe: null } });
    const ended = await world.store.findRun('order-1');
    expect(ended?.startedAt).toBeGreaterThanOrEqual(ended?.createdAt as number);
    expect(ended?.finishedAt).toBeGreaterThanOrEqual(ended?.startedAt as number);
    expect(await world.store.findRun('order-2')).toBeUndefined();
  });

  test('runs are read by their keys, those that exist', async ({ world }) => {
    const [a, b] = [await world.begin(), await world.begin()];
    const rows = await world.store.runs([b, '999999999', a]);
    expect(rows.map(({ run }) => run).sort()).toEqual([a, b].sort());
    expect(await world.store.runs([])).toEqual([]);
  });

  test('runs are listed newest first, page by page, also those whose id went to a later one', async ({ world }) => {
    const runs: string[] = [];
    for (let i = 0; i < 5; i++) runs.push(await world.begin());
    const { run: last } = await world.started({
      id: (await world.run(runs[0] as string)).id,
      conflict: 'terminate_existing',
    });
    const newest = [...runs, last].reverse();
    const pages: string[][] = [];
    for (let before: string | undefined; ; ) {
      const page = await world.store.listRuns({ limit: 4, ...(before === undefined ? {} : { before }) });
      pages.push(page.map(({ run }) => run));
      before = page.at(-1)?.run;
      if (page.length < 4) break;
    }
    expect(pages).toEqual([newest.slice(0, 4), newest.slice(4)]);
    expect((await world.store.listRuns({ limit: 10 })).map(({ current }) => current)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  test('a list is narrowed by workflow, status and time', async ({ world }) => {
    const keys = async (query: object) => (await world.store.listRuns({ limit: 10, ...query })).map(({ run }) => run);
    const old = await world.begin();
    await world.advance(60_000);
    const since = (await world.now()) - 30_000;
    const { run: refund } = await world.started({ workflow: 'refund' });
    const cancelled = await world.begin();
    await world.store.cancel(cancelled, {});
    expect(await keys({ workflow: 'refund' })).toEqual([refund]);
    expect(await keys({ workflow: 'checkout' })).toEqual([cancelled, old]);
    expect(await keys({ status: 'running' })).toEqual([refund, old]);
    expect(await keys({ status: 'cancelled' })).toEqual([cancelled]);
    expect(await keys({ since })).toEqual([cancelled, refund]);
    expect(await keys({ until: since })).toEqual([old]);
    expect(await keys({ since, workflow: 'checkout', status: 'running' })).toEqual([]);
  });

  test('activations are read all, or only those that are not final', async ({ world }) => {
    const worker = await world.worker({ workerId: 'worker-7' });
    const run = await world.begin(
      world.joining('/0', 3),
      world.ready('/0/b0/0'),
      world.ready('/0/b1/0'),
      world.awaiting('/0/b2/0', 'go', 60_000),
    );
    await worker.complete(run, '/0/b0/0', { output: bytes('x') });
    await worker.lease(run, '/0/b1/0');
    const open = await world.store.activations(run, { open: true });
    expect(open.map(({ path }) => path).sort()).toEqual(['/0', '/0/b1/0', '/0/b2/0']);
    expect(await world.store.activations(run)).toHaveLength(4);
    expect(await world.store.activations('999999999')).toEqual([]);
    expect(await world.row(run, '/0/b0/0')).toEqual({
      path: '/0/b0/0',
      state: 'completed',
      attempt: 1,
      losses: 0,
      worker: 'worker-7',
      readyAt: expect.any(Number),
      startedAt: expect.any(Number),
      finishedAt: expect.any(Number),
      dueAt: undefined,
      signal: undefined,
      parkedAt: undefined,
      error: undefined,
      progress: undefined,
      queue: world.queue.key,
      publishedAt: undefined,
      repeats: 0,
    });
    const waiting = await world.row(run, '/0/b2/0');
    expect(waiting).toMatchObject({
      worker: undefined,
      readyAt: undefined,
      startedAt: undefined,
      finishedAt: undefined,
      signal: 'go',
    });
    expect((waiting.dueAt as number) - (waiting.parkedAt as number)).toBeCloseTo(60_000, -2);
  });

  test('outputs are read in the order asked for, undefined where there is none', async ({ world }) => {
    const worker = await world.worker();
    const [run, other] = [await world.begin(...world.fork('/0', 3)), await world.begin()];
    await worker.complete(run, '/0/b0/0', { output: bytes('zero') });
    await worker.complete(run, '/0/b1/0');
    await worker.complete(run, '/0/b2/0', { output: new Uint8Array() });
    await worker.complete(other, '/0', { output: bytes('other') });
    const refs = [
      { run: other, path: '/0' },
      { run, path: '/0/b2/0' },
      { run, path: '/0/b1/0' },
      { run, path: '/0/b0/0' },
      { run, path: '/9' },
      { run, path: '/0' },
      { run, path: '/0/b0/0' },
    ];
    const outputs = await world.store.outputs(refs);
    expect(outputs.map(text)).toEqual(['other', '', undefined, 'zero', undefined, undefined, 'zero']);
    outputs[0]?.fill(0);
    expect((await world.store.outputs(refs.slice(0, 1))).map(text)).toEqual(['other']);
    expect(await world.store.outputs([])).toEqual([]);
  });

  test('bytes of every value come back as they went in', async ({ world }) => {
    const worker = await world.worker();
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const { run } = await world.started({ input: all });
    const lease = await worker.lease(run, '/0');
    expect([...(lease.bytes as Uint8Array)]).toEqual([...all]);
    await worker.commit(lease, { output: all });
    expect([...((await world.store.outputs([ref(lease)]))[0] as Uint8Array)]).toEqual([...all]);
  });
}
