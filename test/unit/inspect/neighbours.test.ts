/** Several processes of a namespace on one page: who looks asks through the broker, and they answer to it alone. */
import { afterEach, expect, test, vi } from 'vitest';
import { Feed } from '../../../src/inspect/feed.js';
import { Lookout } from '../../../src/inspect/lookout.js';
import { Neighbours } from '../../../src/inspect/neighbours.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { eventually } from '../../support/eventually.js';

const broker = new InProcessBroker();
const closing: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closing.splice(0)) close();
});

function processCalled(process: string, namespace = 'default') {
  const feed = new Feed({ process: { process, host: 'h', pid: 1 } });
  const transport = new InProcessTransport(broker, namespace);
  const neighbours = new Neighbours(transport, feed);
  closing.push(() => {
    neighbours.close();
    void transport.close();
  });
  return { feed, transport, lookout: new Lookout(feed, [neighbours]), close: () => neighbours.close() };
}

const seen = (lookout: Lookout) => lookout.frames().map(({ process }) => process);
const task = (outcome: 'failed') =>
  ({ runId: 'r', workflow: 'w', taskId: 't', path: '/0', attempt: 1, durationMs: 1, outcome }) as const;

test('a process sees the others of its namespace, itself first, and no others', async () => {
  const [a, b, c] = [processCalled('a'), processCalled('b'), processCalled('c')];
  processCalled('stranger', 'elsewhere');
  closing.push(
    a.lookout.look(() => {}),
    c.lookout.look(() => {}),
  );
  await eventually(() => expect(seen(a.lookout).sort()).toEqual(['a', 'b', 'c']));
  expect(seen(a.lookout)[0]).toBe('a');
  await eventually(() => expect(seen(c.lookout)[0]).toBe('c'));
  expect(b.feed.watched).toBe(true);
});

test('what changes in one is soon seen from another, and what doesn’t isn’t told again', async () => {
  const [a, b] = [processCalled('a'), processCalled('b')];
  const changed = vi.fn();
  closing.push(a.lookout.look(changed));
  await eventually(() => expect(seen(a.lookout)).toEqual(['a', 'b']));
  const [, before] = a.lookout.frames();
  expect(a.lookout.frames()[1]).toBe(before);
  changed.mockClear();
  b.feed.task('worker', task('failed'));
  await eventually(() => expect(a.lookout.frames()[1]?.events).toHaveLength(1));
  expect(changed).toHaveBeenCalled();
});

test('with nobody looking nothing is sent, also after somebody has', async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance', 'setImmediate'],
  });
  const [a, b] = [processCalled('a'), processCalled('b')];
  const replies = vi.spyOn(b.transport, 'reply');
  b.feed.task('worker', task('failed'));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(replies).not.toHaveBeenCalled();
  const leave = a.lookout.look(() => {});
  await vi.advanceTimersByTimeAsync(500);
  expect(replies).toHaveBeenCalled();
  leave();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(b.feed.watched).toBe(false);
  replies.mockClear();
  b.feed.task('worker', task('failed'));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(replies).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test('a thousand changes a second are told five times', async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance', 'setImmediate'],
  });
  const [a, b] = [processCalled('a'), processCalled('b')];
  const replies = vi.spyOn(b.transport, 'reply');
  closing.push(a.lookout.look(() => {}));
  await vi.advanceTimersByTimeAsync(1_000);
  replies.mockClear();
  for (let i = 0; i < 1_000; i++) {
    b.feed.task('worker', task('failed'));
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(replies.mock.calls.length).toBeGreaterThanOrEqual(4);
  expect(replies.mock.calls.length).toBeLessThanOrEqual(6);
});

test('a process that takes its leave is gone at once', async () => {
  const [a, b] = [processCalled('a'), processCalled('b')];
  closing.push(a.lookout.look(() => {}));
  await eventually(() => expect(seen(a.lookout)).toEqual(['a', 'b']));
  b.close();
  await eventually(() => expect(seen(a.lookout)).toEqual(['a']), { timeoutMs: 1_000 });
});

test('a process that falls silent is gone after a while', async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance', 'setImmediate'],
  });
  const [a, b] = [processCalled('a'), processCalled('b')];
  closing.push(a.lookout.look(() => {}));
  await vi.advanceTimersByTimeAsync(500);
  expect(seen(a.lookout)).toEqual(['a', 'b']);
  b.transport.setReachable(false);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(seen(a.lookout)).toEqual(['a']);
});

test('a question that makes no sense, and a frame that is none, are ignored', async () => {
  const [a, b] = [processCalled('a'), processCalled('b')];
  for (const [to, forMs] of [
    ['x', Number.NaN],
    ['x', -1],
    [1, 1_000],
  ] as [string, number][])
    b.transport.announce({ kind: 'inspection.wanted', to, forMs });
  closing.push(a.lookout.look(() => {}));
  b.transport.reply(a.transport.replyAddress as string, { frame: { process: 'liar' } });
  await eventually(() => expect(seen(a.lookout)).toContain('b'));
  expect(seen(a.lookout)).toEqual(['a', 'b']);
});
