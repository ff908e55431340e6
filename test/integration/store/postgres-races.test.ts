/**
 * Races that Postgres makes possible and memory doesn't. Each is run in every order, which an obstacle forces; where
 * an order can't be forced it is run until chance has shown it often enough.
 */
import { afterAll, beforeAll, expect, test as base } from 'vitest';
import { TIMED_OUT } from '../../../src/core/recipe.js';
import { Obstacle, inLine } from '../../support/obstacle.js';
import { createDatabase, PostgresHarness, type TestDatabase } from '../../support/postgres-harness.js';
import { arriveAt, bytes, completion, ref, sortedPaths, text, World } from '../../support/store-contract/world.js';

const HOUR = 3_600_000;
const HOLD_RUN = 'select 1 from baton.runs where key = $1 for update';
const HOLD_ROW = 'select 1 from baton.activations where run_key = $1 and path = $2 for update';
// Whoever writes a timer of this path waits at the end of its statement, with all its other rows written.
const HOLD_TIMER = `insert into baton.timers (run_key, path, namespace, due_at) values ($1, $2, 'obstacle', now() + interval '1 day')`;

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());

const test = base.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: what a fixture needs is read off its pattern
  world: async ({}, use) => {
    const world = await World.open(async () => new PostgresHarness(database.url));
    await use(world);
    await world.close();
  },
});

const obstruct = (statement: string, ...values: unknown[]) => Obstacle.set(database.url, statement, values);
const error = { name: 'Error', message: 'no luck' };
const go = (world: World, run: string) => () => world.other.signal({ run, name: 'go', id: null, payload: bytes('x') });

/** A fork of two whose first branch is leased and about to go on to a delay. */
async function openCommit(world: World) {
  const worker = await world.worker();
  const run = await world.begin(...world.fork('/0', 2));
  const lease = await worker.lease(run, '/0/b0/0');
  const commit = () => worker.commit(lease, { activate: [world.ready('/0/b0/1'), world.delayed('/0/b0/2', HOUR)] });
  return { worker, run, commit };
}

test('a signal and the commit that parks its waiter meet, whichever locks the run first', async ({ world }) => {
  const worker = await world.worker();
  for (const first of ['park', 'signal'] as const) {
    const run = await world.begin();
    const lease = await worker.lease(run, '/0');
    const park = () => worker.commit(lease, { activate: [world.awaiting('/1', 'go')] });
    const obstacle = await obstruct(HOLD_RUN, run);
    const send = go(world, run);
    const results = await inLine(obstacle, first === 'park' ? [park, send] : [send, park]);
    const kinds = results.map(({ kind }) => kind);
    expect(kinds).toEqual(first === 'park' ? ['committed', 'delivered'] : ['buffered', 'committed']);
    expect(results.flatMap((one) => ('ready' in one ? sortedPaths(one.ready) : []))).toEqual(['/1']);
    expect(text((await worker.lease(run, '/1')).bytes)).toBe('x');
  }
});

test('a signal and its timeout wake the waiter once, whichever comes first', async ({ world }) => {
  const worker = await world.worker({ ttlMs: 100 * HOUR });
  for (const first of ['signal', 'timeout'] as const) {
    const run = await world.begin(world.awaiting('/0', 'go', HOUR));
    await world.advance(HOUR);
    const obstacle = await obstruct(HOLD_RUN, run);
    const [send, fire] = [go(world, run), () => worker.store.fireTimers(worker.key, 10)];
    const results = await inLine(obstacle, first === 'signal' ? [send, fire] : [fire, send]);
    expect(results.flatMap((one) => ('ready' in one ? sortedPaths(one.ready) : []))).toEqual(['/0']);
    const leased = await worker.lease(run, '/0');
    const [taken, expected] = first === 'signal' ? [text(leased.bytes), 'x'] : [leased.recipe, JSON.stringify(TIMED_OUT)];
    expect(taken).toBe(expected);
  }
});

test('nothing is leased once a cancel was acknowledged, and what was leased a moment before is cancelled', async ({ world }) => {
  const worker = await world.worker();
  for (const first of ['lease', 'cancel'] as const) {
    const run = await world.begin();
    const obstacle = await obstruct(HOLD_ROW, run, '/0');
    const [lease, cancel] = [() => worker.tryLease(run, '/0', 500), () => world.other.cancel(run, {})];
    const results = await inLine(obstacle, first === 'lease' ? [lease, cancel] : [cancel, lease]);
    const kinds = results.map(({ kind }) => kind);
    if (first === 'lease') expect(kinds).toEqual(['leased', 'done']);
    else expect(kinds).not.toContain('leased');
    expect(await worker.tryLease(run, '/0', 500)).toEqual({ kind: 'gone' });
    expect(await worker.commit({ run, path: '/0', number: 500 })).toEqual({ kind: 'lost' });
    expect(await world.states(run)).toEqual({ '/0': 'cancelled' });
  }
});

test('leases and cancels at full speed never leave a lease on a cancelled run', async ({ world }) => {
  const worker = await world.worker();
  const seen = new Set<string>();
  for (let round = 0; round < 300 && (round < 100 || seen.size < 2); round++) {
    const run = await world.begin();
    const cancel = () => world.other.cancel(run, {});
    const lease = () => worker.tryLease(run, '/0');
    const [a, b] = round % 2 ? [cancel(), lease()] : [lease(), cancel()];
    seen.add((await Promise.all([a, b])).map(({ kind }) => kind).includes('leased') ? 'lease first' : 'cancel first');
    expect(await world.states(run)).toEqual({ '/0': 'cancelled' });
  }
  expect([...seen].sort()).toEqual(['cancel first', 'lease first']);
});

test('what an open commit inserts is cancelled by a sibling’s failure, a cancel, and a start that takes the id', async ({ world }) => {
  for (const end of ['fail', 'cancel', 'terminate'] as const) {
    const { worker, run, commit } = await openCommit(world);
    const rival = await world.rival();
    const sibling = ref(await rival.lease(run, '/0/b1/0'));
    const { id } = await world.run(run);
    const ends = {
      fail: () => rival.store.fail(rival.key, { ...sibling, error, task: 'charge', attempt: 1 }),
      cancel: () => rival.store.cancel(run, {}),
      terminate: () => world.startOne(world.request({ id, conflict: 'terminate_existing' }), rival.store),
    };
    const obstacle = await obstruct(HOLD_TIMER, run, '/0/b0/2');
    const [committed, ended] = await inLine(obstacle, [commit, ends[end] as () => Promise<{ kind: string }>]);
    expect(committed.kind).toBe('committed');
    expect(ended.kind).toBe({ fail: 'failed', cancel: 'done', terminate: 'started' }[end]);
    const { '/0/b0/0': done, '/0/b1/0': failed, ...rest } = await world.states(run);
    expect([done, failed]).toEqual(['completed', end === 'fail' ? 'failed' : 'cancelled']);
    expect(rest).toEqual({ '/0': 'cancelled', '/0/b0/1': 'cancelled', '/0/b0/2': 'cancelled' });
    expect(await worker.tryLease(run, '/0/b0/1')).toEqual({ kind: 'gone' });
    await world.advance(2 * HOUR);
    const late = await world.worker();
    expect((await late.store.fireTimers(late.key, 10)).ready).toEqual([]);
  }
});

test('a commit that comes after a sibling’s failure, a cancel, or a start that takes the id, is lost', async ({ world }) => {
  for (const end of ['fail', 'cancel', 'terminate'] as const) {
    const { run, commit } = await openCommit(world);
    const rival = await world.rival();
    const sibling = ref(await rival.lease(run, '/0/b1/0'));
    const { id } = await world.run(run);
    const ends = {
      fail: () => rival.store.fail(rival.key, { ...sibling, error, task: 'charge', attempt: 1 }),
      cancel: () => rival.store.cancel(run, {}),
      terminate: () => world.startOne(world.request({ id, conflict: 'terminate_existing' }), rival.store),
    };
    // Whoever ends the run has its lock already, and waits for the join's row.
    const obstacle = await obstruct(HOLD_ROW, run, '/0');
    const [, committed] = await inLine(obstacle, [ends[end] as () => Promise<{ kind: string }>, commit]);
    expect(committed).toEqual({ kind: 'lost' });
    expect(Object.keys(await world.states(run)).sort()).toEqual(['/0', '/0/b0/0', '/0/b1/0']);
    expect(Object.values(await world.states(run))).not.toContain('leased');
  }
});

test('control and the commit that completes the run agree on how it ended, whichever comes first', async ({ world }) => {
  const worker = await world.worker();
  for (const control of ['cancel', 'pause', 'signal'] as const) {
    for (const first of ['commit', 'control'] as const) {
      const run = await world.begin();
      const lease = await worker.lease(run, '/0');
      const commit = () => worker.commit(lease, { finish: { source: '/0', recipe: null } });
      const controls = {
        cancel: () => world.other.cancel(run, {}),
        pause: () => world.other.pause(run, {}),
        signal: go(world, run),
      };
      const obstacle = await obstruct(HOLD_RUN, run);
      const steps: (() => Promise<{ kind: string }>)[] = [commit, controls[control]];
      const results = await inLine(obstacle, first === 'commit' ? steps : steps.reverse());
      const kinds = results.map(({ kind }) => kind);
      const { status } = await world.run(run);
      if (first === 'commit') expect([...kinds, status]).toEqual(['committed', 'refused', 'completed']);
      else if (control === 'cancel') expect([...kinds, status]).toEqual(['done', 'lost', 'cancelled']);
      else expect([...kinds.slice(1), status]).toEqual(['committed', 'completed']);
    }
  }
});

test('of two controls at once the second sees what the first did', async ({ world }) => {
  const run = await world.begin();
  const control = [
    () => world.store.pause(run, { reason: 'first' }),
    () => world.other.pause(run, { reason: 'second' }),
    () => world.store.resume(run),
    () => world.other.cancel(run, {}),
    () => world.store.pause(run, {}),
  ];
  const results = await inLine(await obstruct(HOLD_RUN, run), control);
  expect(results.map((one) => (one.kind === 'done' ? one.changed : one.status))).toEqual([true, false, true, true, 'cancelled']);
  expect(await world.states(run)).toEqual({ '/0': 'cancelled' });
});

test('what an open commit inserts is held by a pause, and what comes after the pause is held too', async ({ world }) => {
  const before = await openCommit(world);
  const timer = await obstruct(HOLD_TIMER, before.run, '/0/b0/2');
  const [first] = await inLine(timer, [before.commit, () => world.other.pause(before.run, {})]);
  expect(first.kind).toBe('committed');
  const after = await openCommit(world);
  const row = await obstruct(HOLD_ROW, after.run, '/0/b1/0');
  const [, second] = await inLine(row, [() => world.other.pause(after.run, {}), after.commit]);
  expect(second).toEqual({ kind: 'committed', ready: [] });
  for (const { run } of [before, after]) {
    expect(await world.states(run)).toMatchObject({ '/0/b0/1': 'held', '/0/b0/2': 'delayed', '/0/b1/0': 'held' });
  }
});

test('a timer that fires while the run is being paused makes nothing ready on the paused run', async ({ world }) => {
  const worker = await world.worker({ ttlMs: 100 * HOUR });
  for (const first of ['timer', 'pause'] as const) {
    const run = await world.begin(world.joining('/0', 2), world.delayed('/0/b0/0', HOUR), world.ready('/0/b1/0'));
    await world.advance(HOUR);
    const held = first === 'timer' ? '/0/b0/0' : '/0/b1/0';
    const obstacle = await obstruct(HOLD_ROW, run, held);
    const [fire, pause] = [() => worker.store.fireTimers(worker.key, 10), () => world.other.pause(run, {})];
    await inLine<(() => Promise<unknown>)[]>(obstacle, first === 'timer' ? [fire, pause] : [pause, fire]);
    expect(await world.states(run)).toEqual({ '/0': 'joining', '/0/b0/0': 'held', '/0/b1/0': 'held' });
    expect(await worker.tryLease(run, '/0/b0/0')).toEqual({ kind: 'gone' });
    await world.store.resume(run);
    await world.store.cancel(run, {});
  }
});

test('a verdict waits for the lease that is under way and finds it; a lease after the verdict is refused', async ({ world }) => {
  const judge = await world.rival();
  for (const first of ['lease', 'verdict'] as const) {
    const victim = await world.worker({ ttlMs: 1 });
    await world.advance(1_000);
    const run = await world.begin();
    const obstacle =
      first === 'lease'
        ? await obstruct(HOLD_ROW, run, '/0')
        : await obstruct('select 1 from baton.sessions where key = $1 for update', victim.key);
    const lease = () => victim.tryLease(run, '/0').catch((refused: Error) => ({ kind: refused.name }));
    const verdict = () => judge.store.judge(judge.key, [victim.key]);
    const results = await inLine<(() => Promise<unknown>)[]>(obstacle, first === 'lease' ? [lease, verdict] : [verdict, lease]);
    const expected = first === 'lease' ? { kind: 'leased' } : { kind: 'SessionDeadError' };
    expect(results[first === 'lease' ? 0 : 1]).toMatchObject(expected);
    const { ready } = await judge.store.sweep(judge.key, { limit: 10, poisonAt: 5 });
    expect(sortedPaths(ready)).toEqual(first === 'lease' ? ['/0'] : []);
    expect((await world.row(run, '/0')).losses).toBe(first === 'lease' ? 1 : 0);
    await judge.lease(run, '/0');
  }
});

test('batches that meet the same rows in opposite orders all get through', async ({ world }) => {
  const workers = [await world.worker(), await world.rival()];
  const width = 20;
  for (let round = 0; round < 40; round++) {
    const starts = await world.store.start(
      Array.from({ length: width }, () => world.request({ activations: world.fork('/0', 2) })),
    );
    const runs = starts.map(({ run }) => run);
    const orders = [runs, [...runs].reverse()] as const;
    const asked = await Promise.all(
      workers.map((worker, i) =>
        worker.store.lease(
          worker.key,
          (orders[i] as string[]).map((run) => ({ run, path: '/0/b0/0', number: worker.take() })),
        ),
      ),
    );
    expect(asked.flat().filter(({ kind }) => kind === 'leased')).toHaveLength(width);
    const leases = asked.map((results) => results.flatMap((one) => (one.kind === 'leased' ? [one.activation] : [])));
    const [taker] = workers;
    const others = await taker?.store.lease(
      taker.key,
      [...runs].sort(() => (round % 2 ? 1 : -1)).map((run) => ({ run, path: '/0/b1/0', number: taker.take() })),
    );
    const seconds = (others ?? []).flatMap((one) => (one.kind === 'leased' ? [one.activation] : []));
    const batches = [leases[0] ?? [], [...(leases[1] ?? [])].reverse(), seconds];
    const committed = await Promise.all(
      batches.map((batch, i) => {
        const worker = workers[i % 2] as (typeof workers)[number];
        return worker.store.commit(worker.key, batch.map((one) => completion(one, arriveAt('/0', i === 2 ? 1 : 0))));
      }),
    );
    const ready = committed.flat().flatMap((one) => (one.kind === 'committed' ? one.ready.map(({ run }) => run) : [one.kind]));
    expect(ready.sort()).toEqual([...runs].sort());
  }
});
