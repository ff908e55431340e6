import { once } from 'node:events';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { EventStream } from '../../../src/inspect/event-stream.js';
import { Feed } from '../../../src/inspect/feed.js';
import type { Frame } from '../../../src/inspect/frame.js';
import { Lookout } from '../../../src/inspect/lookout.js';
import { eventually } from '../../support/eventually.js';

const failed = {
  runId: 'r',
  workflow: 'w',
  taskId: 't',
  path: '/0',
  attempt: 1,
  durationMs: 1,
  outcome: 'failed',
} as const;

function watched() {
  const feed = new Feed({ process: { process: 'p', host: 'h', pid: 1 } });
  return { feed, stream: new EventStream(new Lookout(feed, [])) };
}

const framesIn = (text: string): Frame[] =>
  [...text.matchAll(/^data: (.*)$/gm)].flatMap(
    ([, data]) => (JSON.parse(data as string) as { frames: Frame[] }).frames,
  );

test('a browser is told at once how things are, then what changes, and that is all', async () => {
  const { feed, stream } = watched();
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually(() => expect(framesIn(text)).toHaveLength(1));
  expect(text).toMatch(/^retry: \d+\n\ndata: /);
  feed.task('w', failed);
  feed.task('w', failed);
  await eventually(() => expect(framesIn(text)).toHaveLength(2));
  expect(framesIn(text)[1]?.events).toHaveLength(2);
  stream.destroy();
  await once(stream, 'close');
  expect(feed.watched).toBe(false);
});

test('for a browser that reads nothing, nothing piles up; what it reads later is how things are then', async () => {
  const { feed, stream } = watched();
  const taken: (() => void)[] = [];
  let text = '';
  const slow = new Writable({
    highWaterMark: 1,
    decodeStrings: false,
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      taken.push(done);
    },
  });
  stream.pipe(slow);
  for (let i = 0; i < 2_000; i++) {
    feed.task('w', failed);
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(stream.readableLength).toBeLessThan(20_000);
  const before = framesIn(text).length;
  expect(before).toBeLessThanOrEqual(1);
  const reading = setInterval(() => taken.shift()?.(), 5);
  await eventually(() => expect(framesIn(text).at(-1)?.events.at(-1)?.seq).toBe(2_000));
  expect(framesIn(text).length).toBeLessThanOrEqual(before + 3);
  clearInterval(reading);
  stream.destroy();
});
