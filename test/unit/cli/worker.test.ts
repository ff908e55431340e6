import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import type { Worker } from '../../../src/runtime/worker.js';
import type { WorkerOptions } from '../../../src/runtime/worker-options.js';
import { cli } from '../../support/cli-in-memory.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

let memory: Memory;
let cwd: string;

beforeEach(() => {
  memory = inMemory();
  cwd = mkdtempSync(join(tmpdir(), 'baton-worker-'));
  const index = new URL('../../../src/index.ts', import.meta.url).href;
  writeFileSync(
    join(cwd, 'order.mjs'),
    `import { flow } from '${index}';\nexport const order = flow('order').then('inc', (n) => n + 1).build();\n`,
  );
});
afterEach(async () => {
  await memory.close();
  rmSync(cwd, { recursive: true });
});

/** Runs `baton worker` on a worker that is told to stop: by its own hook, or from here as soon as it runs. */
function run(hook: (worker: Worker) => void, argv: readonly string[] = []) {
  const baton = memory.baton();
  const stand = {
    worker(options: WorkerOptions): Worker {
      const onStartup = [options.hooks?.onStartup ?? [], () => hook(worker)].flat();
      const worker = baton.worker({ ...options, handleSignals: false, hooks: { ...options.hooks, onStartup } });
      return worker;
    },
    close: () => baton.close(),
  } as Baton;
  return cli(['worker', 'order.mjs', ...argv], { cwd, io: { connect: async () => stand } });
}

test('a worker that is stopped while it starts ends well, and never says that it runs', async () => {
  const { code, stdout, stderr } = await run((worker) => void worker.stop({ reason: 'SIGTERM' }));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toContain('worker running');
});

test('a worker whose hook throws ends in error, with its message in a line', async () => {
  const { code, stderr } = await run(() => {
    throw new Error('no licence');
  });
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'baton: no licence\n' });
});

test('a worker says that it runs, in a line of its log, and ends well when it is stopped', async () => {
  const { code, stdout } = await run(
    (worker) => {
      worker.on('transition', ({ to }) => to === 'running' && void worker.stop());
    },
    ['--id', 'w7'],
  );
  expect(code).toBe(0);
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'worker running', worker: 'w7', workflows: ['order'] }));
});

test('hooks and options come from the module, and from the file of --config', async () => {
  const file = join(cwd, 'order.mjs');
  const lines = [
    readFileSync(file, 'utf8'),
    "import { writeFileSync } from 'node:fs';",
    "const onStartup = ({ worker }) => writeFileSync(new URL('warm', import.meta.url), worker.id);",
    "export const worker = { id: 'of-module', hooks: { onStartup } };",
  ];
  writeFileSync(file, lines.join('\n'));
  writeFileSync(join(cwd, 'worker.json'), JSON.stringify({ id: 'of-file' }));
  const { code, stderr } = await run((worker) => void worker.stop(), ['--config', 'worker.json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readFileSync(join(cwd, 'warm'), 'utf8')).toBe('of-file');
});

test('a file that says something wrong ends it with code 2 and a line that names the option', async () => {
  writeFileSync(join(cwd, 'worker.json'), '{"concurrency": 0}');
  expect(await run(() => {}, ['--config', 'worker.json'])).toMatchObject({
    code: 2,
    stderr: 'baton: worker.json: concurrency: 0 is not a whole number from 1 to 10000\n',
  });
});
