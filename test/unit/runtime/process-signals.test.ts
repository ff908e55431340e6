import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { handleSignals } from '../../../src/runtime/process-signals.js';

function listening() {
  const source = new EventEmitter();
  const heard: string[] = [];
  const undo = handleSignals(
    {
      stop: (signal) => heard.push(`stop ${signal}`),
      force: (signal) => heard.push(`force ${signal}`),
      reload: (signal) => heard.push(`reload ${signal}`),
    },
    Object.assign(source, { exit: (code: number) => heard.push(`exit ${code}`) }),
  );
  const send = (signal: NodeJS.Signals) => source.emit(signal, signal);
  return { source, heard, undo, send };
}

describe.each<[NodeJS.Signals, NodeJS.Signals, NodeJS.Signals, number]>([
  ['SIGTERM', 'SIGTERM', 'SIGTERM', 143],
  ['SIGINT', 'SIGINT', 'SIGINT', 130],
  ['SIGTERM', 'SIGINT', 'SIGTERM', 143],
])('%s, %s, %s', (first, second, third, code) => {
  test(`stop, then force, then exit at once with ${code}`, () => {
    const { heard, send } = listening();
    for (const signal of [first, second, third]) send(signal);
    expect(heard).toEqual([`stop ${first}`, `force ${second}`, `exit ${code}`]);
  });
});

test.each<NodeJS.Signals>(['SIGHUP', 'SIGUSR1'])('%s reloads as often as it comes, and stops nothing', (signal) => {
  const { heard, send } = listening();
  send(signal);
  send(signal);
  send('SIGTERM');
  expect(heard).toEqual([`reload ${signal}`, `reload ${signal}`, 'stop SIGTERM']);
});

test('nothing listens any more once it is undone', () => {
  const { source, heard, undo, send } = listening();
  undo();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const) {
    send(signal);
    expect(source.listenerCount(signal)).toBe(0);
  }
  expect(heard).toEqual([]);
});
