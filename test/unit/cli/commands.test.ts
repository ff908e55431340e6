import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { branch, flow, type Workflow } from '../../../src/core/flow.js';
import { cli } from '../../support/cli-in-memory.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

const order = flow<{ n: number }>('order')
  .fork([
    branch('double', ({ n }: { n: number }) => n * 2),
    branch('wait', flow<{ n: number }>('wait').waitForSignal('go')),
  ])
  .join('both', ([double, go]) => ({ double, go }))
  .build();
const failing = flow<unknown>('failing')
  .then('boom', () => {
    throw new TypeError('no\ngood');
  })
  .build();

// `result` runs in another process than `start`, so nobody tells it: it looks.
vi.mock('../../../src/runtime/limits.js', async (original) => {
  const { limits } = await original<{ limits: object }>();
  return { limits: { ...limits, resultPollMs: 20 } };
});

let memory: Memory;
beforeEach(async () => {
  memory = inMemory();
  await work(order, failing);
});
afterEach(() => memory.close());

async function work(...workflows: Workflow[]): Promise<void> {
  await memory.baton().worker({ workflows, id: 'w1' }).start();
}

async function until(id: string, status: string): Promise<void> {
  await expect.poll(async () => (await memory.baton().run(id).status()).status).toBe(status);
}

describe('a run from start to end', () => {
  test('start prints the id, signal sends, result prints the output', async () => {
    expect(await cli(['start', 'order', '--input', '{"n": 4}', '--id', 'one', '--priority', '2'], { memory })).toEqual({
      code: 0,
      stdout: 'one\n',
      stderr: '',
    });
    await until('one', 'awaiting_signal');
    expect(
      await cli(['signal', 'one', 'go', '--payload', '-', '--id', 's1'], { memory, stdin: '{"fine":true}' }),
    ).toEqual({ code: 0, stdout: 'sent go to one\n', stderr: '' });
    const result = await cli(['result', 'one'], { memory });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(result.stdout)).toEqual({ double: 8, go: { fine: true } });
  });

  test('with --json each command prints one object', async () => {
    const started = await cli(['start', 'order', '--input', '{"n": 4}', '--json'], { memory });
    const { id } = JSON.parse(started.stdout) as { id: string };
    expect(JSON.parse(started.stdout)).toEqual({ id: expect.any(String) });
    await until(id, 'awaiting_signal');
    const list = await cli(['list', '--json', '--workflow', 'order', '--status', 'running'], { memory });
    expect(
      list.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toMatchObject([{ id, workflow: 'order', status: 'awaiting_signal', signal: 'go' }]);
    const show = await cli(['show', id, '--json'], { memory });
    expect(JSON.parse(show.stdout)).toMatchObject({
      id,
      namespace: 'default',
      workflow: 'order',
      hash: order.hash,
      status: { status: 'awaiting_signal', node: 'go', signal: 'go' },
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      nodes: [
        { node: 'both', state: 'joining' },
        { node: 'double', state: 'completed', attempt: 1 },
        { node: 'go', state: 'awaiting_signal' },
      ],
    });
    await cli(['signal', id, 'go', '--payload', '1'], { memory });
    const result = await cli(['result', id, '--json'], { memory });
    expect(JSON.parse(result.stdout)).toEqual({ id, status: 'completed', output: { double: 8, go: 1 } });
  });

  test('--wait waits, and a failed run is told with code 1', async () => {
    const plain = await cli(['start', 'failing', '--id', 'f1', '--wait'], { memory });
    expect(plain).toEqual({ code: 1, stdout: '', stderr: 'baton: run f1 failed in boom, attempt 1: no good\n' });
    const json = await cli(['start', 'failing', '--id', 'f2', '--wait', '--json'], { memory });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      id: 'f2',
      status: 'failed',
      error: { name: 'TypeError', message: 'no\ngood' },
      task: 'boom',
      attempt: 1,
    });
  });

  test('a cancelled run is told with code 1, its reason with it', async () => {
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    expect(await cli(['cancel', 'one', '--reason', 'too late', '--by', 'ada'], { memory })).toEqual({
      code: 0,
      stdout: 'cancelled one\n',
      stderr: '',
    });
    expect(await cli(['result', 'one'], { memory })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/cancelled by ada: too late/),
    });
    const json = await cli(['result', 'one', '--json'], { memory });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      id: 'one',
      status: 'cancelled',
      reason: 'too late',
      by: 'ada',
      error: { name: 'RunCancelledError' },
    });
  });

  test('pause and resume', async () => {
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    expect(await cli(['pause', 'one', '--reason', 'lunch', '--json'], { memory })).toMatchObject({
      code: 0,
      stdout: '{"id":"one","status":"paused"}\n',
    });
    expect((await cli(['show', 'one'], { memory })).stdout).toMatch(/^status +paused: lunch$/m);
    expect(await cli(['resume', 'one'], { memory })).toMatchObject({ code: 0, stdout: 'resumed one\n' });
  });

  test('retry', async () => {
    let broken = true;
    const order = flow<{ n: number }>('order')
      .then('mend', ({ n }: { n: number }) => {
        if (broken) throw new Error('out of order');
        return n;
      })
      .build();
    const worker = memory.baton().worker({ workflows: [order] });
    await worker.start();
    const argv = ['start', 'order', '--input', '{"n":7}', '--id', 'one', '--wait'];
    expect(await cli(argv, { memory })).toMatchObject({ code: 1 });
    broken = false;
    expect(await cli(['retry', 'one', '--json'], { memory })).toMatchObject({
      code: 0,
      stdout: '{"id":"one","status":"running"}\n',
    });
    expect(await cli(['result', 'one'], { memory })).toMatchObject({ code: 0, stdout: '7\n' });
    expect(await cli(['retry', 'one'], { memory })).toMatchObject({ code: 5 });
  });

  test('runs of another namespace are not seen', async () => {
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    expect(await cli(['show', 'one', '--namespace', 'other'], { memory })).toMatchObject({ code: 4 });
  });

  test('input comes from a file with @', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-input-'));
    try {
      writeFileSync(join(folder, 'input.json'), '{"n": 21}');
      await cli(['start', 'order', '--input', '@input.json', '--id', 'one'], { memory, cwd: folder });
      await cli(['signal', 'one', 'go'], { memory });
      expect(JSON.parse((await cli(['result', 'one', '--json'], { memory })).stdout)).toEqual({
        id: 'one',
        status: 'completed',
        output: { double: 42 },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('what people read', () => {
  test('show draws the nodes as the tree that they are, without colours', async () => {
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    await until('one', 'awaiting_signal');
    const { stdout } = await cli(['show', 'one'], { memory });
    expect(stdout).toMatch(/^run +one\nworkflow +order \(structure [0-9a-f]{16}\)\nstatus +awaiting signal go\n/);
    expect(stdout).toMatch(/^NODE +STATE +ATTEMPT +STARTED +TOOK +WORKER$/m);
    expect(stdout).toMatch(/^fork both +joining$/m);
    expect(stdout).toMatch(/^├─ double +completed +1 +\+\d+ ms +\d+ ms +w1$/m);
    expect(stdout).toMatch(/^└─ wait: signal go +awaiting_signal$/m);
    expect(stdout).not.toContain('\u001b');
  });

  test('on a terminal states have colours, unless NO_COLOR is set', async () => {
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    await until('one', 'awaiting_signal');
    expect((await cli(['show', 'one'], { memory, tty: true })).stdout).toContain('\u001b[32m');
    expect((await cli(['show', 'one'], { memory, tty: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
  });

  test('show says why a run failed', async () => {
    await cli(['start', 'failing', '--id', 'one', '--wait'], { memory });
    const { stdout } = await cli(['show', 'one'], { memory });
    expect(stdout).toMatch(/^status +failed in boom, attempt 1: TypeError: no$/m);
    expect(stdout).toMatch(/^boom +failed +1 .* w1\n {3}TypeError: no$/m);
  });

  test('list is a table, and says when there is nothing', async () => {
    expect((await cli(['list'], { memory })).stdout).toBe('no runs\n');
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    await until('one', 'awaiting_signal');
    const [head, line] = (await cli(['list'], { memory })).stdout.split('\n');
    expect(head).toMatch(/^RUN +WORKFLOW +STATUS +AGE +AT$/);
    expect(line).toMatch(/^one +order +awaiting_signal +\d+ ms +go$/);
  });

  test('list takes the runs of a time', async () => {
    await cli(['start', 'order', '--input', '{"n":1}', '--id', 'one'], { memory });
    const listed = async (...options: string[]) => (await cli(['list', ...options], { memory })).stdout;
    expect(await listed('--since', '1h')).toContain('one');
    expect(await listed('--until', '1h')).toBe('no runs\n');
    expect(await listed('--since', '2020-01-01', '--until', '2999-12-31T23:59:59Z')).toContain('one');
    expect(await listed('--since', '2999-01-01')).toBe('no runs\n');
  });
});

test('migrate needs no broker', async () => {
  const urls: unknown[] = [];
  const migrate = async (options: unknown) => void urls.push(options);
  expect(await cli(['migrate', '--postgres', 'postgres://there'], { io: { migrate } })).toMatchObject({ code: 0 });
  expect(urls).toEqual([{ postgres: 'postgres://there' }]);
});
