import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClosedError } from '../../../src/client/connection.js';
import { WorkflowNotFoundError } from '../../../src/client/definitions.js';
import { CodecError, ConnectionError, PayloadTooLargeError, RunCancelledError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import type { ControlNews } from '../../../src/transport/transport.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

const greet = flow<string>('greet')
  .then('hello', (name: string) => `hello ${name}`)
  .build();
const later = flow<string>('later')
  .delay('nap', '1h')
  .then('hello', (name: string) => `hello ${name}`)
  .build();

let memory: Memory;
beforeEach(() => {
  memory = inMemory();
});
afterEach(() => memory.close());

describe('starting a run', () => {
  test('terminate_existing cancels the live run, tells whoever waits for it, and starts anew', async () => {
    const [baton, other] = [memory.baton(), memory.baton()];
    const news: ControlNews[] = [];
    new InProcessTransport(memory.broker, 'default').onNews((item) => news.push(item));
    const first = await other.start(greet, 'a', { id: 'one' });
    const waiting = first.result();
    const second = await baton.start(greet, 'b', { id: 'one', conflict: 'terminate_existing' });
    await expect(waiting).rejects.toThrow(RunCancelledError);
    expect(await second.status()).toEqual({ status: 'running' });
    expect(await first.status()).toMatchObject({ status: 'cancelled' });
    expect(news.map(({ kind }) => kind)).toContain('run.controlled');
  });

  test('a delay as the first node is announced to the processes that keep timers', async () => {
    const news: ControlNews[] = [];
    new InProcessTransport(memory.broker, 'default').onNews((item) => news.push(item));
    const run = await memory.baton().start(later, 'a');
    await expect.poll(() => news).toContainEqual({ kind: 'timer.set', inMs: 3_600_000 });
    expect(await run.status()).toMatchObject({ status: 'waiting', node: 'nap' });
  });

  test('by name it takes the structure that is stored, and knows when there is none', async () => {
    const baton = memory.baton();
    await expect(baton.start('greet', 'a')).rejects.toThrow(WorkflowNotFoundError);
    await baton.start(greet, 'a');
    const run = await memory.baton().start('greet', 'b');
    expect((await run.describe()).hash).toBe(greet.hash);
  });

  test('by name it takes the policy that is stored last, and writes nothing back', async () => {
    const patient = flow<string>('rest').delay('nap', '2h').build();
    const hasty = flow<string>('rest').delay('nap', '1h').build();
    const written: string[] = [];
    const starter = memory.baton({ store: { putDefinition: async ({ structure }) => void written.push(structure) } });
    const dueIn = async () => {
      const status = await (await starter.start('rest', 'a')).status();
      return status.status === 'waiting' ? Math.ceil((status.until.getTime() - Date.now()) / 3_600_000) : 0;
    };
    await memory.baton().start(patient, 'a');
    expect([await dueIn(), await dueIn()]).toEqual([2, 2]);
    await memory.baton().start(hasty, 'a');
    expect(await dueIn()).toBe(1);
    expect(written).toEqual([]);
  });

  test('what cannot be stored is refused, and nothing is started', async () => {
    const baton = memory.baton();
    await expect(baton.start(greet, (() => 1) as unknown as string)).rejects.toThrow(CodecError);
    await expect(baton.start(greet, 'x'.repeat(1024 * 1024))).rejects.toThrow(PayloadTooLargeError);
    expect(await memory.store.listRuns({ limit: 10 })).toEqual([]);
  });

  test('after close() it says that the connection is closed', async () => {
    const baton = memory.baton();
    const run = await baton.start(greet, 'a');
    await baton.close();
    await expect(baton.start(greet, 'a')).rejects.toThrow(ClosedError);
    await expect(run.status()).rejects.toThrow(ClosedError);
    await expect(baton.close()).resolves.toBeUndefined();
  });
});

describe('when a service fails under a start', () => {
  test('a start whose answer was lost is repeated with its token, and one run comes of it', async () => {
    let failures = 1;
    const baton = memory.baton({
      store: {
        start: async (requests) => {
          const results = await memory.store.start(requests);
          if (failures-- > 0) throw new ConnectionError('Postgres', 'there');
          return results;
        },
      },
    });
    const run = await baton.start(greet, 'a', { id: 'one' });
    expect(await run.status()).toEqual({ status: 'running' });
    expect(await memory.store.listRuns({ limit: 10 })).toHaveLength(1);
  });

  test('an answer is an answer: what is no lost connection is not repeated', async () => {
    let calls = 0;
    const baton = memory.baton({
      store: {
        start: async () => {
          calls++;
          throw new Error('relation "baton.runs" does not exist');
        },
      },
    });
    await expect(baton.start(greet, 'a')).rejects.toThrow('does not exist');
    expect(calls).toBe(1);
  });

  test('while the broker is away starts are accepted', async () => {
    const baton = memory.baton();
    memory.broker.setDown(true);
    const run = await baton.start(greet, 'a');
    expect(await run.status()).toEqual({ status: 'running' });
  });
});

describe('starting many', () => {
  test('10,000 runs share statements, and their handles come in order', async () => {
    let statements = 0;
    const baton = memory.baton({
      store: {
        start: (requests) => {
          statements++;
          return memory.store.start(requests);
        },
      },
    });
    const inputs = Array.from({ length: 10_000 }, (_, i) => String(i));
    const runs = await baton.startMany(greet, inputs, { id: (input) => `run-${input}`, priority: 2 });
    expect(runs.map(({ id }) => id)).toEqual(inputs.map((input) => `run-${input}`));
    expect(statements).toBeLessThanOrEqual(Math.ceil(10_000 / 256) + 1);
    expect((await runs[7]?.describe())?.priority).toBe(2);
  });
});
