import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withProgress } from '../../../src/cli/progress.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const terminal = (isTTY: boolean) => {
  let text = '';
  const stream = new PassThrough({ decodeStrings: false });
  stream.on('data', (chunk) => (text += String(chunk)));
  return { output: Object.assign(stream, { isTTY }), written: () => text };
};

test('what takes over a second is told on a terminal, and gone in the end', async () => {
  const { output, written } = terminal(true);
  const work = new Promise((resolve) => setTimeout(() => resolve('done'), 2_500));
  const told = withProgress('waiting', output, work);
  await vi.advanceTimersByTimeAsync(900);
  expect(written()).toBe('');
  await vi.advanceTimersByTimeAsync(1_600);
  expect(await told).toBe('done');
  expect(written().split('\r\u001b[K')).toEqual(['', 'waiting, 1 s', 'waiting, 2 s', '']);
});

test.each([
  [true, 900],
  [false, 5_000],
])('nothing is told where it is soon over, or there is no terminal (terminal: %s, %i ms)', async (isTTY, ms) => {
  const { output, written } = terminal(isTTY);
  const failing = new Promise((_, reject) => setTimeout(() => reject(new Error('no')), ms));
  const told = withProgress('waiting', output, failing).catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(ms);
  expect(await told).toBe('no');
  expect(written()).toBe('');
});
