import { describe, expect, test } from 'vitest';
import { progressOf } from '../../../src/client/status.js';
import type { Node, Tree } from '../../../src/core/tree.js';
import type { ActivationView, RunRow } from '../../../src/store/store.js';

const delay = (id: string): Node => ({ kind: 'delay', id, durationMs: 1 });
const wait = (id: string): Node => ({ kind: 'signal', id, signal: id });
const tree: Tree = {
  name: 'w',
  hash: 'a'.repeat(64),
  root: [
    {
      kind: 'fork',
      id: 'both',
      branches: [
        { name: 'a', body: [delay('nap'), wait('late')] },
        { name: 'b', body: [delay('rest'), wait('early')] },
        { name: 'c', body: [wait('third')] },
      ],
    },
  ],
};

const row: RunRow = {
  run: '1',
  id: 'r',
  workflow: 'w',
  hash: tree.hash,
  priority: 3,
  metadata: null,
  replyTo: null,
  status: 'running',
  output: undefined,
  error: undefined,
  failedTask: undefined,
  failedAttempt: undefined,
  reason: undefined,
  by: undefined,
  current: true,
  createdAt: 0,
  startedAt: undefined,
  finishedAt: undefined,
};

const view = (path: string, state: ActivationView['state'], more: Partial<ActivationView> = {}): ActivationView => ({
  path,
  state,
  attempt: 1,
  losses: 0,
  worker: undefined,
  readyAt: undefined,
  startedAt: undefined,
  finishedAt: undefined,
  dueAt: undefined,
  signal: undefined,
  parkedAt: undefined,
  error: undefined,
  progress: undefined,
  publishedAt: undefined,
  repeats: 0,
  queue: 1,
  ...more,
});
const joining = view('/0', 'joining');

describe('where a running run stands', () => {
  test.each(['ready', 'leased', 'backing_off', 'held'] as const)(
    'a node that is %s makes it running, whatever else waits',
    (state) => {
      const open = [
        joining,
        view('/0/b0/0', 'delayed', { dueAt: 5 }),
        view('/0/b1/1', 'awaiting_signal', { signal: 'early', parkedAt: 1 }),
        view('/0/b2/0', state),
      ];
      expect(progressOf(row, open, tree)).toEqual({ status: 'running' });
    },
  );

  test('elements that wait for their turn in a map are nothing to do', () => {
    const open = [view('/0', 'joining'), view('/0#0/0', 'delayed', { dueAt: 5 }), view('/0#1', 'queued')];
    expect(progressOf(row, open, undefined)).toMatchObject({ status: 'waiting', until: new Date(5) });
  });

  test('a wait for a signal goes before a delay', () => {
    const open = [
      joining,
      view('/0/b0/0', 'delayed', { dueAt: 5 }),
      view('/0/b1/1', 'awaiting_signal', { signal: 'early', parkedAt: 9 }),
    ];
    expect(progressOf(row, open, tree)).toEqual({ status: 'awaiting_signal', node: 'early', signal: 'early' });
  });

  test('of several waits it shows the one parked first, with its timeout', () => {
    const open = [
      view('/0/b0/1', 'awaiting_signal', { signal: 'late', parkedAt: 9 }),
      view('/0/b1/1', 'awaiting_signal', { signal: 'early', parkedAt: 8, dueAt: 70 }),
    ];
    expect(progressOf(row, open, tree)).toEqual({
      status: 'awaiting_signal',
      node: 'early',
      signal: 'early',
      until: new Date(70),
    });
  });

  test('of waits parked together it shows the smaller path', () => {
    const open = [
      view('/0/b2/0', 'awaiting_signal', { signal: 'third', parkedAt: 8 }),
      view('/0/b1/1', 'awaiting_signal', { signal: 'early', parkedAt: 8 }),
    ];
    expect(progressOf(row, open, tree)).toMatchObject({ node: 'early' });
  });

  test('with delays alone it waits until the earliest', () => {
    const open = [joining, view('/0/b0/0', 'delayed', { dueAt: 50 }), view('/0/b1/0', 'delayed', { dueAt: 40 })];
    expect(progressOf(row, open, tree)).toEqual({ status: 'waiting', node: 'rest', until: new Date(40) });
  });

  test('a node of an unknown structure goes by its path', () => {
    expect(progressOf(row, [view('/7', 'delayed', { dueAt: 1 })], tree)).toMatchObject({ node: '/7' });
    expect(progressOf(row, [view('/0/b0/0', 'delayed', { dueAt: 1 })], undefined)).toMatchObject({ node: '/0/b0/0' });
  });
});

describe('what the row alone says', () => {
  test('a paused run says why and by whom, and nothing of its nodes', () => {
    expect(
      progressOf({ ...row, status: 'paused', reason: 'lunch', by: 'ada' }, [view('/0/b2/0', 'leased')], tree),
    ).toEqual({ status: 'paused', reason: 'lunch', by: 'ada' });
  });

  test('a cancelled run without a reason has none', () => {
    expect(progressOf({ ...row, status: 'cancelled' }, [], tree)).toEqual({ status: 'cancelled' });
  });

  test('a failed run names the task, the attempt and the error', () => {
    const error = { name: 'TypeError', message: 'boom' };
    expect(progressOf({ ...row, status: 'failed', error, failedTask: 'charge', failedAttempt: 3 }, [], tree)).toEqual({
      status: 'failed',
      error,
      task: 'charge',
      attempt: 3,
    });
  });
});
