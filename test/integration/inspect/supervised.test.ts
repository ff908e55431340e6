/** The page of a supervisor: itself and its processes, told over the channels that it has to them. */
import { afterAll, expect, test } from 'vitest';
import type { Frame } from '../../../src/inspect/frame.js';
import { eventually } from '../../support/eventually.js';
import { ownServices } from '../../support/own-services.js';
import { httpOf, startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('inspect-supervised');
const closing = new AbortController();
let supervisor: WorkerProcess | undefined;
afterAll(async () => {
  closing.abort();
  await supervisor?.end('SIGTERM');
});

/** What a browser would know. */
async function watch(url: string): Promise<Map<string, Frame>> {
  const known = new Map<string, Frame>();
  const { body } = await fetch(`${url}/inspect/events`, { signal: closing.signal });
  const read = async () => {
    let text = '';
    for await (const chunk of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      const messages = (text + chunk).split('\n\n');
      text = messages.pop() as string;
      for (const message of messages.filter((said) => said.startsWith('data: '))) {
        const { frames, gone } = JSON.parse(message.slice('data: '.length)) as { frames: Frame[]; gone: string[] };
        for (const frame of frames) known.set(frame.process, frame);
        for (const process of gone) known.delete(process);
      }
    }
  };
  read().catch((error: Error) => {
    if (!closing.signal.aborted) throw error;
  });
  return known;
}

test('a supervisor shows itself, its processes and the workers in them, also those that come anew', async () => {
  supervisor = await startWorker('inspected.mjs', services, ['--inspect', '--processes', '2']);
  const known = await watch(httpOf(supervisor));
  const standing = () => {
    const actors = [...known.values()].flatMap((frame) => frame.actors);
    return actors.map(({ machine, states }) => `${machine} ${states.join()}`).sort();
  };
  const all = [
    ...Array(2).fill('breaker closed.steady'),
    ...Array(4).fill('connection connected'),
    ...Array(2).fill('process alive.ready'),
    'supervisor working.ready',
    ...Array(2).fill('worker running.ready'),
  ];
  await eventually(() => expect(standing()).toEqual(all));
  const pids = [...known.values()].map(({ pid }) => pid).filter((pid) => pid !== supervisor?.pid);
  process.kill(pids[0] as number, 'SIGKILL');
  await eventually(() => expect(standing()).toContain('supervisor working.partial'));
  await eventually(() => expect(standing().filter((line) => line === 'worker running.ready')).toHaveLength(2));
  await eventually(() => expect([...known.values()].map(({ pid }) => pid)).not.toContain(pids[0]), {
    timeoutMs: 15_000,
  });
  await eventually(() => expect(standing()).toEqual(all));
});
