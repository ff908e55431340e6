import { EventEmitter } from 'node:events';
import { Counter, Gauge, Registry } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import type { SignalSource } from '../../../../src/runtime/process-signals.js';
import { Supervisor } from '../../../../src/runtime/supervisor/supervisor.js';
import { ask } from '../../../support/ask.js';
import { eventually } from '../../../support/eventually.js';
import { FakeChild } from '../../../support/fake-child.js';
import { type Scraped, scrape } from '../../../support/scrape.js';

class Signals extends EventEmitter implements SignalSource {
  exited: number | undefined;
  exit(code: number): void {
    this.exited = code;
  }
}

/** A supervisor of two on HTTP, with every line of its log. */
function supervisor() {
  const children: FakeChild[] = [];
  const lines: { readonly level: string; readonly msg: string; readonly [field: string]: unknown }[] = [];
  const line = (level: string) => (fields: object, msg: string) => void lines.push({ level, msg, ...fields });
  const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  const signals = new Signals();
  const own = new Supervisor({
    processes: 2,
    start: () => {
      const child = new FakeChild(children.length + 100);
      children.push(child);
      return child.asChild;
    },
    hopeless: (code) => code === 2,
    http: { host: '127.0.0.1', port: 0, maxLoopLagMs: 5_000 },
    logger: { ...logger, child: () => logger } as never,
    signals,
  });
  const ended = own.run();
  end = async () => {
    if (signals.listenerCount('SIGTERM') > 0) signals.emit('SIGTERM', 'SIGTERM');
    for (const child of children) child.exit(0);
    await ended;
  };
  const url = () => lines.find(({ msg }) => msg === 'http listening')?.url as string;
  const probed = async () =>
    (await Promise.all(['/livez', '/readyz', '/startupz'].map((path) => ask(url(), path)))).map(({ status }) => status);
  /** Both are there. */
  const begun = () => eventually(() => expect(children).toHaveLength(2));
  const ready = async () => {
    await begun();
    for (const child of children) child.say({ ready: true });
  };
  return {
    children,
    lines,
    signals,
    ended,
    url,
    probed,
    begun,
    ready,
    said: (msg: string) => lines.filter((one) => one.msg === msg),
  };
}

let end = async () => {};
afterEach(() => end());

test('is ready when all are, live while they start and rest, and started once all were ready', async () => {
  const { children, begun, probed, url, said } = supervisor();
  await begun();
  expect(await probed()).toEqual([200, 503, 503]);
  children[0]?.say({ ready: true });
  expect(await probed()).toEqual([200, 503, 503]);
  expect((await ask(url(), '/readyz')).body.reason).toBe('process 2: it is starting');
  expect(said('all workers running')).toHaveLength(0);
  children[1]?.say({ ready: true });
  expect(await probed()).toEqual([200, 200, 200]);
  expect(said('all workers running')).toHaveLength(1);
  children[1]?.say({ ready: false });
  expect(await probed()).toEqual([200, 503, 200]);
  children[1]?.say({ ready: true });
  children[0]?.exit(null, 'SIGKILL');
  expect(await probed()).toEqual([200, 503, 200]);
  expect((await ask(url(), '/readyz')).body.reason).toBe('process 1: it is resting');
  expect(said('a worker process ended')).toEqual([
    expect.objectContaining({ process: 1, exited: 100, signal: 'SIGKILL' }),
  ]);
});

test('one that is there and does not answer makes it neither live nor ready', async () => {
  const { children, ready, url } = supervisor();
  await ready();
  children[1]!.answer = () => undefined;
  const [live, readiness] = await Promise.all([ask(url(), '/livez'), ask(url(), '/readyz')]);
  expect([live.status, readiness.status]).toEqual([503, 503]);
  expect(live.body.reason).toBe('process 2: it does not answer');
});

test('what a process says of itself is its part of the verdict', async () => {
  const { children, ready, url } = supervisor();
  await ready();
  children[0]!.answer = () => ({ ok: false, reason: 'check bank is failing: closed', status: 'failing' });
  expect(await ask(url(), '/readyz')).toMatchObject({
    status: 503,
    body: {
      reason: 'process 1: check bank is failing: closed',
      processes: [
        { process: 'ready', pid: 100, status: 'failing' },
        { ok: true, pid: 101 },
      ],
    },
  });
});

test('starts a process again that ended, and counts it', async () => {
  const { children, ready, url } = supervisor();
  await ready();
  children[0]?.exit(1);
  await eventually(() => expect(children).toHaveLength(3));
  children[2]?.say({ ready: true });
  expect(await ask(url(), '/readyz')).toMatchObject({
    status: 200,
    body: { processes: [{ restarts: 1, pid: 102 }, { restarts: 0 }] },
  });
});

test('SIGTERM is one stop for each, a second hurries them, a third kills them and ends', async () => {
  const { children, ready, signals, ended, probed } = supervisor();
  await ready();
  signals.emit('SIGTERM', 'SIGTERM');
  expect(await probed()).toEqual([200, 503, 200]);
  signals.emit('SIGINT', 'SIGINT');
  signals.emit('SIGTERM', 'SIGTERM');
  for (const { log } of children) expect(log).toEqual(['stop', 'force', 'SIGKILL']);
  expect(signals.exited).toBe(128 + 15);
  children[0]?.exit(0);
  children[1]?.exit(0);
  expect(await ended).toBe(0);
});

test('a process whose channel is gone is told by a signal', async () => {
  const { children, ready, signals } = supervisor();
  await ready();
  children[0]!.connected = false;
  signals.emit('SIGTERM', 'SIGTERM');
  expect(children.map(({ log }) => log)).toEqual([['SIGTERM'], ['stop']]);
});

test('SIGHUP and SIGUSR1 are passed on', async () => {
  const { children, ready, signals } = supervisor();
  await ready();
  signals.emit('SIGHUP', 'SIGHUP');
  signals.emit('SIGUSR1', 'SIGUSR1');
  for (const { log } of children) expect(log).toEqual(['SIGHUP', 'SIGUSR1']);
});

test('ends with the code of a process that could not stop in good order', async () => {
  const { children, ready, signals, ended } = supervisor();
  await ready();
  signals.emit('SIGTERM', 'SIGTERM');
  children[0]?.exit(0);
  children[1]?.exit(null, 'SIGSEGV');
  expect(await ended).toBe(1);
});

test('a command line that no process can work by ends all of it, with its code', async () => {
  const { children, begun, ended } = supervisor();
  await begun();
  children[0]?.exit(2);
  expect(children[1]?.log).toEqual(['stop']);
  children[1]?.exit(0);
  expect(await ended).toBe(2);
});

test('metrics are sums that go on when a process dies; how it was goes with it', async () => {
  const { children, ready, url } = supervisor();
  await ready();
  const figures = (done: number, lagS: number) => {
    const registers = [new Registry()];
    new Counter({ name: 'done_total', help: 'done', labelNames: ['task'], registers }).inc({ task: 'a' }, done);
    new Gauge({ name: 'busy', help: 'busy', registers }).set(1);
    new Gauge({ name: 'lag', help: 'lag', aggregator: 'max', registers }).set(lagS);
    return registers[0]!.getMetricsAsJSON();
  };
  const three = await figures(3, 0.5);
  const four = await figures(4, 0.1);
  const one = await figures(1, 0.1);
  children[0]!.answer = () => three;
  children[1]!.answer = () => four;
  const seen = ({ value }: Scraped) => ({
    done: value('done_total', { task: 'a' }),
    busy: value('busy'),
    lag: value('lag'),
    own: ['processes', 'ready', 'restarts_total'].map((name) => value(`baton_supervisor_${name}`)),
  });
  expect(seen(await scrape(url()))).toEqual({ done: 7, busy: 2, lag: 0.5, own: [2, 2, 0] });
  // What it counted since the last scrape it says with its last breath, if it has one.
  children[0]?.say({ last: await figures(5, 0.5) });
  children[0]?.exit(1);
  expect(seen(await scrape(url()))).toEqual({ done: 9, busy: 1, lag: 0.1, own: [2, 1, 0] });
  await eventually(() => expect(children).toHaveLength(3));
  children[2]!.answer = () => one;
  children[2]?.say({ ready: true });
  expect(seen(await scrape(url()))).toEqual({ done: 10, busy: 2, lag: 0.1, own: [2, 2, 1] });
  // One that doesn't answer is shown as it was: a sum must not fall.
  children[1]!.answer = () => undefined;
  expect(seen(await scrape(url())).done).toBe(10);
});
