/**
 * What may meet on a run, end to end: clients, workers and queues as users have them. Who came first is read from what
 * was answered, or from the journal that Postgres keeps. After its round every run has come to its end, or is brought to it.
 */
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import type { RunHandle } from '../../../src/client/handle.js';
import { RunCancelledError, RunExistsError, RunTerminalError } from '../../../src/core/errors.js';
import { flow, task } from '../../../src/core/flow.js';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { firstOf, Journal, type Note } from '../../support/journal.js';
import { percentiles } from '../../support/percentiles.js';
import { race } from '../../support/race.js';

const rounds = process.env.BATON_LONG ? 1_000 : 40;
vi.setConfig({ testTimeout: 120_000 });
const rabbitmq = inject('amqpUrl');
const namespace = uniqueName('races');
const soon = { timeout: '10s' };

let database: TestDatabase;
let journal: Journal;
let client: Baton;
let rival: Baton;
const batons: Baton[] = [];

/** Executions that began: `run id, task`, in order. */
const ledger: string[] = [];
const begun = new Map<string, () => void>();
const gates = new Map<string, Promise<unknown>>();
/** When tasks were told to stop, by run id, and why. */
interface Abort {
  readonly at: number;
  readonly reason: unknown;
}
const aborts = new Map<string, Abort>();

/** A task that goes on when its run's gate opens; the gate is known by the run's input. */
const gated = (id: string) =>
  task(id, async (input: string) => {
    ledger.push(`${input} ${id}`);
    begun.get(input)?.();
    await gates.get(input);
    return input;
  });
const noted = (id: string) =>
  task(id, (input: unknown, ctx) => {
    ledger.push(`${ctx.runId} ${id}`);
    return input;
  });
/** A task that ends only when it is told to. */
const patient = task(
  'work',
  (_: string, { signal, runId }) =>
    new Promise<void>((_resolve, reject) => {
      ledger.push(`${runId} work`);
      signal.addEventListener('abort', () => {
        aborts.set(runId, { at: performance.now(), reason: signal.reason });
        reject(signal.reason);
      });
    }),
);

const WAIT_MS = 150;
/** A meeting with what a timer does begins so long before it is due: time enough to be early. */
const AHEAD_MS = 100;

const parks = flow<string>('parks').then(gated('before')).waitForSignal('go').then(noted('after')).build();
const expires = flow<string>('expires')
  .waitForSignal('go', { id: 'first', timeout: WAIT_MS })
  .waitForSignal('go', { id: 'second' })
  .build();
const waits = flow<string>('waits')
  .waitForSignal('go', { timeout: '1h' })
  .then(noted('after'))
  .waitForSignal('end')
  .build();
const naps = flow<string>('naps')
  .waitForSignal('go', { timeout: WAIT_MS })
  .then(noted('after'))
  .waitForSignal('end')
  .build();
const leases = flow<string>('leases').delay('nap', WAIT_MS).then(patient).build();
const commits = flow<string>('commits').then(gated('first')).then(noted('second')).waitForSignal('end').build();
const pairs = flow<string>('pairs')
  .waitForSignal<string>('go')
  .then('first', (payload: string) => payload)
  .waitForSignal<string>('go')
  .then('both', async (last: string, { runId }) => [await client.run(runId).taskResult('first'), last])
  .build();
const single = flow<string>('single').then(gated('only')).build();

beforeAll(async () => {
  database = await createDatabase();
  journal = await Journal.keep(database.url);
  const one = () => connect({ postgres: database.url, rabbitmq, namespace });
  batons.push(...(await Promise.all([one(), one(), one(), one()])));
  [client, rival] = batons as [Baton, Baton];
  const workflows = [pairs, parks, expires, waits, naps, leases, commits, single];
  await Promise.all(batons.slice(2).map((baton) => baton.worker({ workflows, concurrency: 20 }).start()));
});
afterEach(async () => {
  const open = [];
  for await (const run of client.list()) if (run.status !== 'cancelled' && run.status !== 'completed') open.push(run);
  expect(open).toEqual([]);
});
afterAll(async () => {
  await Promise.all(batons.map((baton) => baton.close()));
  await journal.close();
  await deleteQueues(rabbitmq, namespace, database.url);
  await database.drop();
});

/** A gate for the run with this input, and when its task stands before it. */
function gate(input: string): { readonly open: () => Promise<void>; readonly reached: Promise<void> } {
  let open = () => {};
  gates.set(input, new Promise<void>((resolve) => (open = resolve)));
  const reached = new Promise<void>((resolve) => begun.set(input, resolve));
  return { open: async () => open(), reached };
}

const ran = (input: string, id: string): number => ledger.filter((entry) => entry === `${input} ${id}`).length;
const pass = async (): Promise<void> => {};
const before = (ms: number, since: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, since + ms - performance.now())));

/** Begins `act`; answers with the instant by which it was acknowledged. */
const acknowledged = (act: () => Promise<void>) => async (): Promise<Date> => {
  await act();
  return journal.now();
};

/** Nothing was leased from this instant on, until the run was resumed, if it was. */
function expectNoLease(notes: readonly Note[], since: Date): void {
  const resumed = notes.findIndex(({ path, event, at }) => path === '' && event === 'running' && at > since);
  const between = (resumed < 0 ? notes : notes.slice(0, resumed)).filter(({ at }) => at > since);
  expect(between.map(({ event }) => event)).not.toContain('leased');
}

async function expectCancelled(
  run: RunHandle<unknown>,
  cancelled: PromiseSettledResult<Date>,
  why: { reason?: string; by?: string },
): Promise<Note[]> {
  if (cancelled.status === 'rejected') throw cancelled.reason;
  const error: unknown = await run.result(soon).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RunCancelledError);
  expect(error).toMatchObject(why);
  expect(await run.status()).toEqual({ status: 'cancelled', ...why });
  const notes = await journal.of(run.id);
  expectNoLease(notes, cancelled.value);
  return notes;
}

test('a signal and the wait for it: whichever is first, it is received once', async () => {
  await race('signal/park', {
    rounds,
    offsetMs: 10,
    orders: ['park first', 'signal first'],
    round: async (meet, round) => {
      const id = `park-${round}`;
      const { open, reached } = gate(id);
      const run = await client.start(parks, id, { id });
      await reached;
      await meet(open, () => run.signal('go', round));
      expect(await run.result(soon)).toBe(round);
      expect([ran(id, 'before'), ran(id, 'after')]).toEqual([1, 1]);
      const first = firstOf(await journal.of(id), { path: '/1', event: 'awaiting_signal' }, { event: 'signal' });
      return first === 'a' ? 'park first' : 'signal first';
    },
  });
});

test('a signal and the timeout of its wait: one of them counts, and the signal is there for the next wait', async () => {
  await race('signal/timeout', {
    rounds,
    offsetMs: 85,
    orders: ['timeout first', 'signal first'],
    round: async (meet, round) => {
      const id = `timeout-${round}`;
      const run = await client.start(expires, id, { id });
      await before(WAIT_MS - AHEAD_MS, performance.now());
      const [, sent] = await meet(pass, () => run.signal('go', 'one'));
      expect(sent.status).toBe('fulfilled');
      const again = await run.signal('go', 'two').catch((error: unknown) => error);
      const last = await run.result(soon);
      const first = await run.taskResult('first');
      if (last === 'one') {
        expect(first).toEqual({ timedOut: true });
        if (again !== undefined) expect(again).toBeInstanceOf(RunTerminalError);
        return 'timeout first';
      }
      expect([first, last, again]).toEqual([{ timedOut: false, payload: 'one' }, 'two', undefined]);
      return 'signal first';
    },
  });
});

test.each(['signal', 'timeout'] as const)(
  'a cancel and a %s: the run is cancelled, and nothing starts after it',
  async (wake) => {
    const workflow = wake === 'signal' ? waits : naps;
    await race(`${wake}/cancel`, {
      rounds,
      orders: [`${wake} first`, 'cancel first'],
      round: async (meet, round) => {
        const id = `${wake}-cancel-${round}`;
        const run = await client.start(workflow, id, { id });
        if (wake === 'timeout') await before(WAIT_MS - AHEAD_MS, performance.now());
        const act = wake === 'signal' ? () => run.signal('go', round) : pass;
        const why = { reason: 'enough', by: 'ann' };
        const [woken, cancelled] = await meet(
          act,
          acknowledged(() => rival.run(id).cancel(why)),
        );
        const notes = await expectCancelled(run, cancelled, why);
        expect(ran(id, 'after')).toBeLessThanOrEqual(1);
        const awake = notes.some(({ path, event }) => path === '/0' && event === 'ready');
        if (wake === 'signal') {
          expect(woken.status).toBe(awake ? 'fulfilled' : 'rejected');
          if (woken.status === 'rejected') expect(woken.reason).toBeInstanceOf(RunTerminalError);
        }
        return awake ? `${wake} first` : 'cancel first';
      },
    });
  },
);

test.each(['signal', 'timeout'] as const)('a pause and a %s: it counts once, and goes on at resume', async (wake) => {
  const workflow = wake === 'signal' ? waits : naps;
  await race(`${wake}/pause`, {
    rounds,
    offsetMs: wake === 'signal' ? 0 : 85,
    orders: [`${wake} first`, 'pause first'],
    round: async (meet, round) => {
      const id = `${wake}-pause-${round}`;
      const run = await client.start(workflow, id, { id });
      if (wake === 'timeout') await before(WAIT_MS - AHEAD_MS, performance.now());
      const act = wake === 'signal' ? () => run.signal('go', round) : pass;
      const [woken, paused] = await meet(
        act,
        acknowledged(() => rival.run(id).pause({ reason: 'audit' })),
      );
      if (woken.status === 'rejected') throw woken.reason;
      if (paused.status === 'rejected') throw paused.reason;
      expect(await run.status()).toEqual({ status: 'paused', reason: 'audit' });
      // Time goes on: what falls due is held.
      await eventually(async () => (await run.describe()).nodes[0]?.state !== 'awaiting_signal');
      await rival.run(id).resume();
      await run.signal('end', 'over');
      expect(await run.result(soon)).toBe('over');
      expect(await run.taskResult('go')).toEqual(
        wake === 'signal' ? { timedOut: false, payload: round } : { timedOut: true },
      );
      expect(ran(id, 'after')).toBe(1);
      const notes = await journal.of(id);
      expectNoLease(notes, paused.value);
      const woke = notes.find(({ path, event }) => path === '/0' && (event === 'ready' || event === 'held'));
      return firstOf(notes, { path: '/0', event: woke?.event ?? '' }, { event: 'paused' }) === 'a'
        ? `${wake} first`
        : 'pause first';
    },
  });
});

test('a cancel and a lease: what was leased before is told why, and nothing is leased after', async () => {
  const told: number[] = [];
  await race('cancel/lease', {
    rounds,
    offsetMs: 85,
    orders: ['lease first', 'cancel first'],
    round: async (meet, round) => {
      const id = `lease-${round}`;
      const run = await client.start(leases, id, { id });
      await before(WAIT_MS - AHEAD_MS, performance.now());
      const why = { reason: 'no longer wanted', by: 'bob' };
      let cancelledAt = 0;
      const cancel = async () => {
        await rival.run(id).cancel(why);
        cancelledAt = performance.now();
      };
      const [, cancelled] = await meet(pass, acknowledged(cancel));
      const notes = await expectCancelled(run, cancelled, why);
      if (notes.some(({ path, event }) => path === '/1' && event === 'leased')) {
        await eventually(() => aborts.has(id), { timeoutMs: 3_000, what: 'the AbortSignal' });
        const { at, reason } = aborts.get(id) as Abort;
        expect(reason).toBeInstanceOf(RunCancelledError);
        expect(reason).toMatchObject(why);
        told.push(at - cancelledAt);
      }
      expect(ran(id, 'work')).toBe(aborts.has(id) ? 1 : 0);
      return notes.some(({ event }) => event === 'leased') ? 'lease first' : 'cancel first';
    },
  });
  console.log(`the AbortSignal fired after the cancel was acknowledged: ${percentiles(told)}`);
});

test('a pause and a commit: what follows is held or goes on, and runs once', async () => {
  await race('pause/commit', {
    rounds,
    orders: ['commit first', 'pause first'],
    round: async (meet, round) => {
      const id = `commit-${round}`;
      const { open, reached } = gate(id);
      const run = await client.start(commits, id, { id });
      await reached;
      const [, paused] = await meet(
        open,
        acknowledged(() => rival.run(id).pause()),
      );
      if (paused.status === 'rejected') throw paused.reason;
      expect(await run.status()).toEqual({ status: 'paused' });
      await eventually(async () => (await run.taskResult('first')) !== undefined);
      await run.resume();
      await run.signal('end', 'over');
      expect(await run.result(soon)).toBe('over');
      expect([ran(id, 'first'), ran(id, 'second')]).toEqual([1, 1]);
      const notes = await journal.of(id);
      expectNoLease(notes, paused.value);
      const first = firstOf(notes, { path: '/0', event: 'completed' }, { event: 'paused' });
      return first === 'a' ? 'commit first' : 'pause first';
    },
  });
});

test('a start that takes the id and a late commit: the old run ends once, and the new one is its own', async () => {
  await race('terminate_existing/late commit', {
    rounds,
    offsetMs: -20,
    orders: ['commit first', 'terminate first'],
    round: async (meet, round) => {
      const id = `taken-${round}`;
      const [old, young] = [`${id}-old`, `${id}-new`];
      const { open, reached } = gate(old);
      const run = await client.start(single, old, { id });
      await reached;
      const result = run.result(soon).catch((error: unknown) => error);
      const [, started] = await meet(open, () => rival.start(single, young, { id, conflict: 'terminate_existing' }));
      if (started.status === 'rejected') throw started.reason;
      expect(await started.value.result(soon)).toBe(young);
      expect(await client.run(single, id).result(soon)).toBe(young);
      expect([ran(old, 'only'), ran(young, 'only')]).toEqual([1, 1]);
      const ended = (await journal.of(id)).filter(({ path, event }) => path === '' && event !== 'running');
      expect(ended.map(({ event }) => event)).toEqual([
        (await result) === old ? 'completed' : 'cancelled',
        'completed',
      ]);
      if ((await result) === old) return 'commit first';
      expect(await result).toBeInstanceOf(RunCancelledError);
      return 'terminate first';
    },
  });
});

test('two signals with one id: one counts, whichever is first', async () => {
  await race('signal/signal', {
    rounds,
    orders: ['first client', 'second client'],
    round: async (meet, round) => {
      const id = `twins-${round}`;
      const run = await client.start(pairs, id, { id });
      const send = (baton: Baton, payload: string) => () => baton.run(id).signal('go', payload, { id: 'twin' });
      const settled = await meet(send(client, 'a'), send(rival, 'b'));
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      await run.signal('go', 'last');
      const [first, last] = await run.result(soon);
      expect(last).toBe('last');
      return first === 'a' ? 'first client' : 'second client';
    },
  });
});

test('two starts of one id that may not exist: one wins, and runs once', async () => {
  await race('fail/fail', {
    rounds,
    orders: ['first client', 'second client'],
    round: async (meet, round) => {
      const id = `same-${round}`;
      const one = (baton: Baton, input: string) => () => baton.start(single, `${id} ${input}`, { id });
      const [a, b] = await meet(one(client, 'a'), one(rival, 'b'));
      const [winner, loser] = a.status === 'fulfilled' ? ([a, b] as const) : ([b, a] as const);
      if (winner.status === 'rejected') throw winner.reason;
      expect(loser.status === 'rejected' && loser.reason).toBeInstanceOf(RunExistsError);
      const input = `${id} ${winner === a ? 'a' : 'b'}`;
      expect(await winner.value.result(soon)).toBe(input);
      expect([ran(`${id} a`, 'only'), ran(`${id} b`, 'only')]).toEqual(winner === a ? [1, 0] : [0, 1]);
      return winner === a ? 'first client' : 'second client';
    },
  });
});
