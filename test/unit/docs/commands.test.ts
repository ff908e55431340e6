/** Each command of docs/commands.md is carried out as it is written, on a run A-1 that is as the command needs it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { DevOptions } from '../../../src/cli/dev/front.js';
import type { SupervisedOptions } from '../../../src/cli/supervise.js';
import type { Baton } from '../../../src/client/baton.js';
import { flow, type Workflow } from '../../../src/core/flow.js';
import { cli, type Ended } from '../../support/cli-in-memory.js';
import { eventually } from '../../support/eventually.js';
import { inMemory, type Memory } from '../../support/in-memory.js';
import { argumentsOf, blocksOf, linesOf } from '../../support/pages.js';

// What it does to its folder and its process is what test/integration/cli/dev.test.ts is about.
const { developed } = vi.hoisted(() => ({ developed: [] as DevOptions[] }));
vi.mock('../../../src/cli/dev/front.js', () => ({
  runFront: async (options: DevOptions) => {
    developed.push(options);
    return 0;
  },
}));

// Nor are processes started here: see test/integration/cli/supervised.test.ts.
const { supervised } = vi.hoisted(() => ({ supervised: [] as SupervisedOptions[] }));
vi.mock('../../../src/cli/supervise.js', async (original) => ({
  ...(await original<object>()),
  supervise: async (_: unknown, options: SupervisedOptions) => {
    supervised.push(options);
    return 0;
  },
}));

const COMMANDS = blocksOf(linesOf('docs/commands.md'), 'sh')
  .filter((line) => line.startsWith('baton '))
  .map((line) => [line.replace(/^baton | +# .*$/g, '')]);

const order = flow<{ id: string }>('order').waitForSignal('packed').build();
const failing = flow<{ id: string }>('order')
  .then('x', (): void => {
    throw new Error('no stock');
  })
  .build();

/** What it takes before the command, and what it says. */
const EXPECTED: Readonly<
  Record<string, { before?: () => Promise<unknown>; during?: () => Promise<unknown>; says: RegExp }>
> = {
  worker: { says: /"workflows":\["order"(,"mail")?\],"msg":"worker running"/ },
  start: { before: work, during: pack, says: /^\{\n {2}"verdict": "ship"\n\}$/ },
  show: { before: started, says: /^signal packed/m },
  list: { before: failed, says: /^no runs$/ },
  result: { before: packed, says: /"verdict": "ship"/ },
  signal: { before: started, says: /^sent packed to A-1$/ },
  cancel: { before: started, says: /^cancelled A-1$/ },
  pause: { before: started, says: /^paused A-1$/ },
  resume: { before: async () => (await started()).pause(), says: /^resumed A-1$/ },
  retry: { before: failed, says: /^retrying A-1$/ },
  doctor: { before: started, says: /^nothing is wrong$/m },
  graph: { says: /^%% order\nflowchart/ },
  migrate: { says: /^the schema is up to date$/ },
};

let cwd: string;
let memory: Memory;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'baton-commands-'));
  const core = new URL('../../../src/core/flow.ts', import.meta.url).href;
  const module = (name: string) =>
    `import { flow } from '${core}';\nexport const one = flow('${name}').waitForSignal('packed').build();\n`;
  writeFileSync(join(cwd, 'shop.mjs'), module('order'));
  writeFileSync(join(cwd, 'mail.mjs'), module('mail'));
  writeFileSync(join(cwd, 'w.json'), '{"shutdownTimeout": "5s"}');
});
afterAll(() => rmSync(cwd, { recursive: true }));
beforeEach(() => {
  memory = inMemory();
});
afterEach(() => memory.close());

async function work(workflow: Workflow = order): Promise<Baton> {
  const baton = memory.baton();
  await baton.worker({ workflows: [workflow] }).start();
  return baton;
}

async function started() {
  const run = await (await work()).start(order, { id: 'A-1' }, { id: 'A-1' });
  await eventually(async () => (await run.status()).status === 'awaiting_signal');
  return run;
}

async function packed(): Promise<void> {
  const run = await started();
  await pack();
  await run.result();
}

async function failed(): Promise<void> {
  const run = await (await work(failing)).start(failing, { id: 'A-1' }, { id: 'A-1' });
  await expect(run.result()).rejects.toThrow('no stock');
}

/** From another terminal. */
async function pack(): Promise<void> {
  const run = memory.baton().run('A-1');
  await eventually(async () => (await run.status().catch(() => undefined))?.status === 'awaiting_signal');
  await run.signal('packed', { verdict: 'ship' });
}

async function carriedOut(command: string): Promise<Ended> {
  const connect = async () => {
    const baton = memory.baton();
    if (!command.startsWith('worker')) return baton;
    const worker: Baton['worker'] = (options) => {
      const one = baton.worker({ ...options, handleSignals: false, http: false });
      one.on('transition', ({ to }) => to === 'running' && void one.stop());
      return one;
    };
    return { worker, close: () => baton.close() } as Baton;
  };
  return cli(argumentsOf(command), { memory, cwd, io: { connect } });
}

test('the page has a block of them', () => expect(COMMANDS.length).toBeGreaterThan(12));

test.each(COMMANDS)('baton %s', async (command) => {
  const name = command.split(' ')[0] as string;
  if (name === 'dev') {
    expect(await carriedOut(command)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(developed.map(({ modules }) => modules)).toEqual([['shop.ts']]);
    return;
  }
  if (command.includes('--processes')) {
    expect(await carriedOut(command)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(supervised).toMatchObject([{ processes: 4, http: { port: 9090 } }]);
    return;
  }
  const expected = EXPECTED[name];
  if (expected === undefined) throw new Error(`what comes of baton ${name} is proven by nothing`);
  await expected.before?.();
  const [{ code, stdout, stderr }] = await Promise.all([carriedOut(command), expected.during?.()]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trimEnd()).toMatch(expected.says);
});
