/** Races that Postgres makes possible and memory doesn't, in every order: forced by an obstacle, or shown by chance. */
import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import { TIMED_OUT } from '../../../src/core/recipe.js';
import { inLine, Obstacle } from '../../support/obstacle.js';
import { postgresWorlds } from '../../support/postgres-world.js';
import { arriveAt, bytes, completion, ref, sortedPaths, text, type World } from '../../support/store-contract/world.js';

const HOUR = 3_600_000;
const HOLD_RUN = 'select 1 from baton.runs where key = $1 for update';
const HOLD_ROW = 'select 1 from baton.activations where run_key = $1 and path = $2 for update';
// Whoever writes a timer of this path waits at the end of its statement, with all its other rows written.
const HOLD_TIMER = `insert into baton.timers (run_key, path, namespace, due_at) values ($1, $2, 'obstacle', now() + interval '1 day')`;

const { test, url } = postgresWorlds();

const obstruct = (statement: string, ...values: unknown[]) => Obstacle.set(url(), statement, values);
const go = (world: World, run: string) => () => world.other.signal({ run, name: 'go', id: null, payload: bytes('x') });

/** A fork of two: one branch is leased and about to go on, the other is leased by a rival. */
async function twoBranches(world: World) {
  const [worker, rival] = [await world.worker(), await world.rival()];
  const run = await world.begin(...world.fork('/0', 2));
  const lease = await worker.lease(run, '/0/b0/0');
  const sibling = ref(await rival.lease(run, '/0/b1/0'));
  const { id } = await world.run(run);
  const restart = world.request({ id, conflict: 'terminate_existing' });
  return {
    worker,
    run,
    commit: () => worker.commit(lease, { activate: [world.ready('/0/b0/1'), world.delayed('/0/b0/2', HOUR)] }),
    pause: () => rival.store.pause(run, {}),
    ends: {
      failed: () =>
        rival.store.fail(rival.key, {
          ...sibling,
          error: { name: 'Error', message: 'no luck' },
          task: 'charge',
          attempt: 1,
        }),
      done: () => rival.store.cancel(run, {}),
      started: () => world.startOne(restart, rival.store),
    },
  };
}

/** Ways to end a run before its tree ends, named after their answers: a failure, a cancel, a start that takes the id. */
const ENDS = ['failed', 'done', 'started'] as const;

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
    const [taken, expected] =
      first === 'signal' ? [text(leased.bytes), 'x'] : [leased.recipe, JSON.stringify(TIMED_OUT)];
    expect(taken).toBe(expected);
  }
});

test('nothing is leased once a cancel was acknowledged, and what was leased a moment before is cancelled', async ({
  world,
}) => {
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
    const cancelling = world.other.cancel(run, {});
    // Spread over the few milliseconds that a cancel takes.
    for (const at = performance.now() + (round % 20) / 4; performance.now() < at; ) await setImmediate();
    const [a, b] = [worker.tryLease(run, '/0'), cancelling];
    seen.add((await Promise.all([a, b])).map(({ kind }) => kind).includes('leased') ? 'lease first' : 'cancel first');
    expect(await world.states(run)).toEqual({ '/0': 'cancelled' });
  }
  expect([...seen].sort()).toEqual(['cancel first', 'lease first']);
});

test('what an open commit inserts is cancelled by a sibling’s failure, a cancel, and a start that takes the id', async ({
  world,
}) => {
  for (const end of ENDS) {
    const { worker, run, commit, ends } = await twoBranches(world);
    const obstacle = await obstruct(HOLD_TIMER, run, '/0/b0/2');
    const results = await inLine(obstacle, [commit, ends[end]]);
    expect(results.map(({ kind }) => kind)).toEqual(['committed', end]);
    const { '/0/b0/0': done, '/0/b1/0': sibling, ...rest } = await world.states(run);
    expect([done, sibling]).toEqual(['completed', end === 'failed' ? 'failed' : 'cancelled']);
    expect(rest).toEqual({ '/0': 'cancelled', '/0/b0/1': 'cancelled', '/0/b0/2': 'cancelled' });
    expect(await worker.tryLease(run, '/0/b0/1')).toEqual({ kind: 'gone' });
    await world.advance(2 * HOUR);
    const late = await world.worker();
    expect((await late.store.fireTimers(late.key, 10)).ready).toEqual([]);
  }
});

test('a commit that comes after a sibling’s failure, a cancel, or a start that takes the id, is lost', async ({
  world,
}) => {
  for (const end of ENDS) {
    const { run, commit, ends } = await twoBranches(world);
    // Whoever ends the run has its lock already, and waits for the join's row.
    const obstacle = await obstruct(HOLD_ROW, run, '/0');
    const results = await inLine(obstacle, [ends[end], commit]);
    expect(results.map(({ kind }) => kind)).toEqual([end, 'lost']);
    const states = await world.states(run);
    expect(Object.keys(states).sort()).toEqual(['/0', '/0/b0/0', '/0/b1/0']);
    expect(Object.values(states)).not.toContain('leased');
  }
});

test('control and the commit that completes the run agree on how it ended, whichever comes first', async ({
  world,
}) => {
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
  const pause = (run: string) => world.other.pause(run, {});
  const resume = (run: string) => world.other.resume(run);
  const cancel = (run: string) => world.other.cancel(run, {});
  // Three lines would queue up too, but from the third on Postgres doesn't promise their order.
  for (const [first, second, answers, status] of [
    [pause, pause, [true, false], 'paused'],
    [pause, resume, [true, true], 'running'],
    [resume, pause, [false, true], 'paused'],
    [cancel, pause, [true, 'cancelled'], 'cancelled'],
    [pause, cancel, [true, true], 'cancelled'],
    [cancel, cancel, [true, false], 'cancelled'],
  ] as const) {
    const run = await world.begin();
    const results = await inLine(await obstruct(HOLD_RUN, run), [() => first(run), () => second(run)]);
    expect(results.map((one) => (one.kind === 'done' ? one.changed : one.status))).toEqual(answers);
    const state = { paused: 'held', running: 'ready', cancelled: 'cancelled' }[status];
    expect([(await world.run(run)).status, await world.states(run)]).toEqual([status, { '/0': state }]);
  }
});

test('what an open commit inserts is held by a pause, and what comes after the pause is held too', async ({
  world,
}) => {
  for (const first of ['commit', 'pause'] as const) {
    const { run, commit, pause } = await twoBranches(world);
    const obstacle = first === 'commit' ? await obstruct(HOLD_TIMER, run, '/0/b0/2') : await obstruct(HOLD_RUN, run);
    const results = await inLine(obstacle, first === 'commit' ? [commit, pause] : [pause, commit]);
    expect(results.map(({ kind }) => kind).sort()).toEqual(['committed', 'done']);
    expect(await world.states(run)).toMatchObject({ '/0/b0/1': 'held', '/0/b0/2': 'delayed', '/0/b1/0': 'leased' });
    const ready = results.flatMap((one) => ('ready' in one ? sortedPaths(one.ready) : []));
    expect(ready).toEqual(first === 'commit' ? ['/0/b0/1'] : []);
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

test('a verdict waits for the lease that is under way and finds it; a lease after the verdict is refused', async ({
  world,
}) => {
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
    const results = await inLine<(() => Promise<unknown>)[]>(
      obstacle,
      first === 'lease' ? [lease, verdict] : [verdict, lease],
    );
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
  for (let round = 0; round < (process.env.BATON_LONG ? 40 : 15); round++) {
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
        return worker.store.commit(
          worker.key,
          batch.map((one) => completion(one, arriveAt('/0', i === 2 ? 1 : 0))),
        );
      }),
    );
    const ready = committed
      .flat()
      .flatMap((one) => (one.kind === 'committed' ? one.ready.map(({ run }) => run) : [one.kind]));
    expect(ready.sort()).toEqual([...runs].sort());
  }
});
