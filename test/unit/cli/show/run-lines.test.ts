import { expect, test } from 'vitest';
import { runLines } from '../../../../src/cli/show/run-lines.js';
import type { NodeDescription, RunDescription } from '../../../../src/client/describe.js';
import { branch, flow } from '../../../../src/core/flow.js';

const now = Date.parse('2026-01-01T12:00:00Z');
const at = (ms: number) => new Date(now + ms);
const step = (value: number) => value;
const workflow = flow<number>('order')
  .then('reserve', step)
  .fork([branch('charge', step), branch('parcel', flow<number>('parcel').then('wrap', step).delay('rest', '1h'))])
  .build();

const node = (path: string, more: Partial<NodeDescription>): NodeDescription => ({
  path,
  node: path,
  kind: 'task',
  state: 'completed',
  attempt: 1,
  losses: 0,
  ...more,
});
const run: RunDescription = {
  id: 'A-1',
  namespace: 'default',
  workflow: 'order',
  hash: workflow.hash,
  status: { status: 'running' },
  priority: 3,
  metadata: undefined,
  createdAt: at(-60_000),
  startedAt: at(-59_500),
  nodes: [
    node('/0', { startedAt: at(-59_500), finishedAt: at(-58_000), worker: 'a-host-with-a-long-name-4711-1' }),
    node('/1', { state: 'joining' }),
    node('/1/b0/0', {
      state: 'backing_off',
      attempt: 3,
      losses: 1,
      startedAt: at(-50_000),
      finishedAt: at(-49_660),
      dueAt: at(90_000),
      error: { name: 'Error', message: 'the bank\nis closed' },
      progress: { asked: 2 },
    }),
    node('/1/b1/0', { state: 'leased', startedAt: at(-12_400), worker: 'b-host-with-a-long-name-12-1' }),
  ],
};

test('each node has its state, attempts, times and worker, and below it what else there is to know', () => {
  const lines = runLines(run, workflow.tree, { colours: false, now });
  expect(lines.slice(3).join('\n')).toBe(
    `
priority  3
created   2026-01-01T11:59:00.000Z (1 min ago)
started   2026-01-01T11:59:00.500Z (59 s ago)

NODE              STATE        ATTEMPT     STARTED  TOOK    WORKER
reserve           completed    1           +500 ms  1.5 s   a-host-with-a-long-name-4711-1
fork              joining
├─ charge         backing_off  3 (1 lost)  +10 s    340 ms
│     due in 1.5 min, at 2026-01-01T12:01:30.000Z
│     Error: the bank
│     progress {"asked":2}
└─ parcel
   ├─ wrap        leased       1           +47 s    12 s    b-host-with-a-long-name-12-1
   └─ delay rest
`.trim(),
  );
});

test('on a narrow terminal the name of a worker loses its beginning, then that of a node its end', () => {
  const lines = runLines(run, workflow.tree, { colours: false, columns: 70, now }).slice(7);
  expect(lines[1]).toBe('reserve           completed    1           +500 ms  1.5 s   …me-4711-1');
  const narrow = runLines(run, workflow.tree, { colours: false, columns: 40, now }).slice(7);
  expect(narrow.at(-1)).toBe('   └─ delay rest');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(70);
});

test('nothing is wider than the terminal, were the output huge and the reason long; a pipe gets it whole', () => {
  const output = { pages: 'lorem ipsum '.repeat(10_000) };
  const completed = { ...run, id: 'a\x1b[2Jb', status: { status: 'completed', output } as const };
  const cancelled = { ...run, status: { status: 'cancelled', reason: 'no stock\n'.repeat(30), by: 'ann' } as const };
  for (const shown of [completed, cancelled])
    for (const columns of [80, 120]) {
      const lines = runLines(shown, workflow.tree, { colours: false, columns, now });
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(lines.length).toBeLessThan(30);
    }
  const piped = runLines(completed, workflow.tree, { colours: false, now });
  expect(piped[0]).toBe('run       a\\u001b[2Jb');
  expect(piped).toContain(`output    ${JSON.stringify(output)}`);
});

test('on a terminal the state has its colour, what was not reached is dim', () => {
  const lines = runLines(run, workflow.tree, { colours: true, now });
  expect(lines.find((line) => line.includes('leased'))).toContain('\u001b[36mleased');
  expect(lines.at(-1)).toContain('\u001b[2mdelay rest');
});
