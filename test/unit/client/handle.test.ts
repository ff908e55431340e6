import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Baton } from '../../../src/client/baton.js';
import {
  CodecError,
  ConfigError,
  DefinitionMismatchError,
  RunCancelledError,
  RunFailedError,
  RunTerminalError,
  ValidationError,
} from '../../../src/core/errors.js';
import { branch, flow, LoopResult, signal, task, type Workflow } from '../../../src/core/flow.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

const plusOne = (n: number) => n + 1;
const parked = flow<number>('parked')
  .waitForSignal('go')
  .then('after', (payload) => ({ payload }))
  .build();
const nap = flow<number>('nap').delay('nap', '1h').build();

let memory: Memory;
let baton: Baton;
beforeEach(() => {
  memory = inMemory();
  baton = memory.baton();
});
afterEach(() => memory.close());

async function work(...workflows: Workflow[]): Promise<void> {
  await memory.baton().worker({ workflows }).start();
}

/** Ends long before anybody would look at the row: the end has to be told. */
const pushed = { timeout: '3s' };

describe('a task at work', () => {
  const told: unknown[] = [];
  const patient = (id: string) =>
    task(
      id,
      (_: unknown, { signal }) =>
        new Promise<string>((_resolve, reject) => {
          told.push('began');
          signal.addEventListener('abort', () => {
            told.push(signal.reason);
            reject(signal.reason);
          });
        }),
    );
  beforeEach(() => told.splice(0));

  test('is told why its run was cancelled, and by whom', async () => {
    const long = flow<number>('long').then(patient('work')).build();
    await work(long);
    const run = await baton.start(long, 1);
    await expect.poll(() => told).toEqual(['began']);
    await run.cancel({ reason: 'no longer wanted', by: 'ann' });
    await expect.poll(() => told.length, { timeout: 250 }).toBe(2);
    expect(told[1]).toBeInstanceOf(RunCancelledError);
    expect(told[1]).toMatchObject({ reason: 'no longer wanted', by: 'ann' });
  });

  test('is told which branch failed', async () => {
    const forked = flow<number>('forked')
      .fork([
        branch('long', patient('work')),
        branch('breaks', async () => {
          await expect.poll(() => told.length).toBe(1);
          throw new RangeError('broken');
        }),
      ])
      .build();
    await work(forked);
    const run = await baton.start(forked, 1);
    await expect(run.result(pushed)).rejects.toBeInstanceOf(RunFailedError);
    await expect.poll(() => told.length, { timeout: 250 }).toBe(2);
    expect(told[1]).toMatchObject({ code: 'RUN_FAILED', task: 'breaks', cause: { name: 'RangeError' } });
  });
});

describe('a retry', () => {
  test('runs what failed and what it stopped again, with the same keys, and keeps what completed', async () => {
    const ran: string[] = [];
    const keys = new Set<string>();
    let broken = true;
    const note = (id: string) =>
      task(id, (_: unknown, ctx) => {
        ran.push(`${id} ${ctx.attempt}`);
        return id;
      });
    const order = flow<number>('order')
      .then(note('first'))
      .fork([
        branch(
          'breaks',
          task(
            'breaks',
            async (_: string, ctx) => {
              ran.push(`breaks ${ctx.attempt}`);
              keys.add(ctx.idempotencyKey);
              if (broken) throw new Error('broken');
              return 'mended';
            },
            { retry: { maxRetries: 1, initialDelay: 1 } },
          ),
        ),
        branch('slow', flow<string>('slow').delay('nap', '1h').then(note('after'))),
        branch('done', note('done')),
      ])
      .build();
    await work(order);
    const run = await baton.start(order, 1);
    const first = run.result(pushed);
    await expect(first).rejects.toMatchObject({ task: 'breaks', attempt: 2 });
    broken = false;
    await run.retry();
    await expect(first).rejects.toBeInstanceOf(RunFailedError);
    expect(await run.status()).not.toMatchObject({ status: 'failed' });
    await expect.poll(() => run.taskResult('breaks')).toBe('mended');
    await expect.poll(() => run.status()).toMatchObject({ status: 'waiting', node: 'nap' });
    expect(ran.filter((one) => one.startsWith('first'))).toHaveLength(1);
    expect(ran.filter((one) => one.startsWith('done')).length).toBeGreaterThan(0);
    expect(ran.filter((one) => one.startsWith('breaks'))).toEqual(['breaks 1', 'breaks 2', 'breaks 1']);
    expect(keys.size).toBe(1);
  });

  test('is refused unless the run is failed', async () => {
    const run = await baton.start(nap, 1);
    await expect(run.retry()).rejects.toMatchObject({ code: 'RUN_NOT_FAILED', status: 'running' });
    await run.cancel();
    await expect(run.retry()).rejects.toThrow(/is cancelled; only a failed run can be retried/);
  });
});

describe('a result', () => {
  test('arrives at the starting process without its looking', async () => {
    const double = flow<number>('double')
      .then('twice', (n: number) => n * 2)
      .build();
    await work(double);
    const run = await baton.start(double, 21);
    expect(await run.result(pushed)).toBe(42);
    expect(await run.status()).toEqual({ status: 'completed', output: 42 });
  });

  test('keeps what JSON would lose', async () => {
    const echo = flow<unknown>('echo')
      .then('same', (value: unknown) => value)
      .build();
    await work(echo);
    const rich = {
      at: new Date(5),
      big: 7n,
      bytes: Buffer.from('x'),
      map: new Map([[1, new Set(['a'])]]),
      nothing: undefined,
    };
    expect(await (await baton.start(echo, rich)).result(pushed)).toEqual(rich);
    expect(await (await baton.start(echo, undefined)).result(pushed)).toBeUndefined();
  });

  test('of a failed run is the original error, as the cause', async () => {
    const failing = flow<number>('failing')
      .then('boom', () => {
        throw new RangeError('too far');
      })
      .build();
    await work(failing);
    const run = await baton.start(failing, 1);
    const error: unknown = await run.result(pushed).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RunFailedError);
    expect(error).toMatchObject({ task: 'boom', attempt: 1, cause: { name: 'RangeError', message: 'too far' } });
    expect(await run.status()).toMatchObject({
      status: 'failed',
      task: 'boom',
      attempt: 1,
      error: { name: 'RangeError' },
    });
  });
});

describe('signals', () => {
  test('one sent early is kept until the run asks for it; one id counts once', async () => {
    const run = await baton.start(parked, 1);
    await run.signal('go', { n: 1 }, { id: 'first' });
    await run.signal('go', { n: 2 }, { id: 'first' });
    await work(parked);
    expect(await run.result(pushed)).toEqual({ payload: { n: 1 } });
  });

  test("a token's schema refuses a wrong payload before it is sent", async () => {
    const approval = signal<{ yes: boolean }>('approval', { schema: z.object({ yes: z.boolean() }) });
    const asking = flow<number>('asking').waitForSignal(approval).build();
    const run = await baton.start(asking, 1);
    // @ts-expect-error a wrong payload doesn't compile
    await expect(run.signal(approval, { yes: 'maybe' })).rejects.toThrow(ValidationError);
    await run.signal(approval, { yes: true });
    await work(asking);
    expect(await run.result(pushed)).toEqual({ yes: true });
  });

  test('bad names, bad ids and payloads that cannot be stored are refused', async () => {
    const run = await baton.start(parked, 1);
    await expect(run.signal('a b')).rejects.toThrow(ConfigError);
    await expect(run.signal('go', 1, { id: '' })).rejects.toThrow(ConfigError);
    await expect(run.signal('go', () => 1)).rejects.toThrow(CodecError);
  });
});

describe('control', () => {
  test('cancelling takes effect at once, twice is no error, and the first reason stays', async () => {
    const run = await baton.start(nap, 1);
    await run.cancel({ reason: 'first', by: 'ada' });
    await run.cancel({ reason: 'second' });
    expect(await run.status()).toEqual({ status: 'cancelled', reason: 'first', by: 'ada' });
    expect((await run.describe()).nodes).toMatchObject([{ node: 'nap', state: 'cancelled' }]);
  });

  test('a paused run holds what becomes ready, and goes on at resume', async () => {
    await work(parked);
    const run = await baton.start(parked, 1);
    await run.pause({ reason: 'lunch' });
    await run.pause({ reason: 'dinner' });
    expect(await run.status()).toEqual({ status: 'paused', reason: 'lunch' });
    await run.signal('go', 7);
    expect((await run.describe()).nodes).toMatchObject([{ node: 'go', state: 'held' }]);
    await run.resume();
    await run.resume();
    expect(await run.result(pushed)).toEqual({ payload: 7 });
  });

  test('an ended run refuses all of it, with its status', async () => {
    const quick = flow<number>('quick').then('one', plusOne).build();
    await work(quick);
    const run = await baton.start(quick, 1);
    await run.result(pushed);
    for (const refused of [run.cancel(), run.pause(), run.resume(), run.signal('go')]) {
      await expect(refused).rejects.toThrow(RunTerminalError);
      await expect(refused).rejects.toThrow(/it is completed/);
    }
  });
});

describe('a handle with a workflow', () => {
  test("refuses another workflow's run", async () => {
    await baton.start(nap, 1, { id: 'one' });
    await expect(baton.run(parked, 'one').status()).rejects.toThrow(DefinitionMismatchError);
    expect(await baton.run(nap, 'one').status()).toMatchObject({ status: 'waiting' });
  });
});

describe('a description', () => {
  test('shows every node that the run came to, in the order of the tree', async () => {
    const order = flow<number>('order')
      .then('first', plusOne)
      .fork([branch('slow', flow<number>('slow').then('work', plusOne).delay('rest', '1h')), branch('fast', plusOne)])
      .join('sum', ([a, b]) => a + b)
      .build();
    await work(order);
    const run = await baton.start(order, 1, { id: 'one', priority: 2, metadata: { tenant: 'a' } });
    await expect.poll(async () => (await run.status()).status).toBe('waiting');
    const description = await run.describe();
    expect(description).toMatchObject({
      id: 'one',
      namespace: 'default',
      workflow: 'order',
      hash: order.hash,
      priority: 2,
      metadata: { tenant: 'a' },
    });
    expect(description.status).toMatchObject({ status: 'waiting', until: expect.any(Date) });
    expect(description.nodes.map(({ path, kind, state }) => [path, kind, state])).toEqual([
      ['/0', 'task', 'completed'],
      ['/1', 'fork', 'joining'],
      ['/1/b0/0', 'task', 'completed'],
      ['/1/b0/1', 'delay', 'delayed'],
      ['/1/b1/0', 'task', 'completed'],
    ]);
    expect(description.nodes[0]).toMatchObject({
      attempt: 1,
      losses: 0,
      startedAt: expect.any(Date),
      finishedAt: expect.any(Date),
      worker: expect.any(String),
    });
    expect(description.nodes[3]).toMatchObject({ dueAt: expect.any(Date) });
  });
});

describe("a node's result", () => {
  const inner = flow<number>('inner').then('one', plusOne).then('two', plusOne).build();
  const everything = flow<number>('everything')
    .then('first', plusOne)
    .delay('nap', 1)
    .fork([branch('a', plusOne), branch('b', inner)])
    .loop(
      'grow',
      flow<number[]>('body').then('verdict', ([n = 0]: number[]) =>
        n > 10 ? LoopResult.done(n) : LoopResult.again([n * 2]),
      ),
    )
    .then('list', (n: number) => [n, n + 1])
    .map(
      'each',
      flow<number>('element')
        .then('square', (n: number) => n * n)
        .then('minus', (n: number) => n - 1),
      { concurrency: 1 },
    )
    .route('size', () => 'big', ['big', 'small'] as const)
    .branch('big', (list: number[]) => list.length)
    .branch('small', () => 0)
    .done()
    .waitForSignal('go')
    .build();

  test('is found by id and by path, for every kind of node', async () => {
    await work(everything);
    const run = await baton.start(everything, 1);
    expect(await run.taskResult('each')).toBeUndefined();
    await run.signal('go', { fine: true });
    expect(await run.result(pushed)).toEqual({ fine: true });
    const ids = (await run.describe()).nodes.map(({ node }) => node);
    const results = Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await run.taskResult(id)])));
    expect(results).toMatchObject({
      first: 2,
      nap: 2,
      verdict: 12,
      list: [12, 13],
      each: [143, 168],
      square: [144, 169],
      minus: [143, 168],
      size: { branch: 'big', result: 2 },
      go: { fine: true },
    });
    expect(await run.taskResult('grow')).toBe(12);
    expect(await run.taskResult('/2')).toEqual([3, 4]);
    expect(await run.taskResult('/2/b1/0')).toBe(4);
    expect(await run.taskResult('/2/b1/0/0')).toBe(3);
    expect(await run.taskResult('/3#0/0')).toEqual([6]);
    expect(await run.taskResult('/5#1/0')).toBe(169);
    expect(await run.taskResult('small')).toBeUndefined();
  });

  test('of a node that the workflow has not is an error that lists the nodes', async () => {
    const run = await baton.start(everything, 1);
    await expect(run.taskResult('frist')).rejects.toThrow(/no node "frist"; it has first, nap/);
    await expect(run.taskResult('/9')).rejects.toThrow(ConfigError);
  });

  test("a child flow's ids stand behind its name", async () => {
    const parent = flow<number>('parent').thenFlow(inner).thenFlow(inner).build();
    await work(parent);
    const run = await baton.start(parent, 1);
    expect(await run.result(pushed)).toBe(5);
    expect(await run.taskResult('inner/one')).toBe(2);
    expect(await run.taskResult('inner#2/two')).toBe(5);
    expect(await run.taskResult('inner')).toBe(3);
  });
});

describe('health', () => {
  test('is ok, degraded without the broker, failing without the database', async () => {
    expect(await baton.health()).toMatchObject({
      status: 'ok',
      checks: { postgres: { ok: true }, rabbitmq: { ok: true } },
    });
    memory.broker.setDown(true);
    expect(await baton.health()).toMatchObject({
      status: 'degraded',
      checks: { rabbitmq: { ok: false, error: expect.stringContaining('down') } },
    });
    const away = memory.baton({ store: { ping: () => Promise.reject(new Error('gone')) } });
    expect(await away.health()).toMatchObject({
      status: 'failing',
      checks: { postgres: { ok: false, error: 'gone' } },
    });
  });
});

test('the retries of a task are its own', async () => {
  let calls = 0;
  const flaky = task(
    'flaky',
    () => {
      if (++calls < 3) throw new Error('not yet');
      return calls;
    },
    { retry: { maxRetries: 5, initialDelay: 1 } },
  );
  const workflow = flow<number>('flaky').then(flaky).build();
  await work(workflow);
  const run = await baton.start(workflow, 1);
  expect(await run.result(pushed)).toBe(3);
  expect((await run.describe()).nodes).toMatchObject([{ attempt: 3, state: 'completed' }]);
});
