/** Tasks that fail are their runs' business, and nobody else's. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Baton, connect, flow, RunFailedError, type Worker } from 'batonmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownServices } from '../../support/own-services.js';

const RUNS = process.env.BATON_LONG ? 10_000 : 300;
const AT_ONCE = RUNS / 10;
/** What a worker may need more after all of them than after the first round. */
const GROWTH_MB = 20;

const services = ownServices('failing');
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let baton: Baton;
let worker: Worker;
const troubles: Error[] = [];
const states: string[] = [];

const broken = flow<number>('broken')
  .then('divide', (n) => {
    throw new TypeError(`cannot divide ${n} by nothing`, { cause: new Error(`input ${n}`) });
  })
  .then('after', () => 'never')
  .build();
const sound = flow<number>('sound')
  .then('add', (n) => n + 1)
  .build();

beforeAll(async () => {
  baton = await connect(services);
  worker = baton.worker({ workflows: [broken, sound], concurrency: 50 });
  worker.on('error', (error) => troubles.push(error));
  worker.actor.subscribe(() => states.push(worker.detail));
  await worker.start();
});

afterAll(() => baton.close());

test(`${RUNS} failing tasks leave the worker running, and each failed run carries its own error`, async () => {
  const memoryMb: number[] = [];
  for (let from = 0; from < RUNS; from += AT_ONCE) {
    await failAll(from);
    memoryMb.push(usedMb());
  }
  console.log(`memory after each ${AT_ONCE} failures, in MB: ${memoryMb.join(' ')}`);
  expect((memoryMb.at(-1) as number) - (memoryMb[0] as number)).toBeLessThan(GROWTH_MB);
  // No failure of a task ever counted as one of the services: the breaker has seen nothing.
  expect(troubles).toEqual([]);
  expect(new Set(states.slice(states.indexOf('running.ready')))).toEqual(new Set(['running.ready']));
  expect(worker.state).toBe('running');
  expect(await (await baton.start(sound, 1)).result({ timeout: '10s' })).toBe(2);
}, 300_000);

async function failAll(from: number): Promise<void> {
  const inputs = Array.from({ length: AT_ONCE }, (_, i) => from + i);
  const handles = await baton.startMany(broken, inputs);
  const errors = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' }).catch((error) => error)));
  for (const [i, error] of errors.entries()) {
    expect(error).toBeInstanceOf(RunFailedError);
    const { runId, task, attempt, cause } = error as RunFailedError & { cause: Error };
    expect([runId, task, attempt]).toEqual([handles[i]?.id, 'divide', 1]);
    expect([cause.name, cause.message]).toEqual(['TypeError', `cannot divide ${inputs[i]} by nothing`]);
    expect((cause.cause as Error).message).toBe(`input ${inputs[i]}`);
    expect(cause.stack).toContain('failing-tasks.test');
  }
}

/** On the heap, when everything that nobody refers to is gone. */
function usedMb(): number {
  collect();
  return Math.round(process.memoryUsage().heapUsed / 1_048_576);
}
