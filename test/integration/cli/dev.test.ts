/** `baton dev` in one terminal, other commands in another. No services are needed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { CLI, type Ended } from '../../support/workers.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
// No services, whatever the environment of the test run names.
const env = { ...process.env, DATABASE_URL: '', AMQP_URL: '', RABBITMQ_URL: '', PGHOST: '', PGDATABASE: '' };

const order = (shipped: string): string => `
import { appendFileSync } from 'node:fs';
import { flow } from 'batonmq';
export const order = flow('order')
  .then('reserve', (order) => order.amount * 2)
  .waitForSignal('packed')
  .then('ship', (by) => \`${shipped} by \${by}\`)
  .build();
export const slow = flow('slow')
  .then('wait', async (ms) => {
    appendFileSync('ledger', 'x');
    await new Promise((resolve) => setTimeout(resolve, ms));
    return '${shipped}';
  })
  .build();`;

let folder: string;
let children: ChildProcess[];

function begin(): void {
  folder = mkdtempSync(join(tmpdir(), 'baton-dev-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'batonmq'));
  cpSync(inject('embeddedTemplate'), join(folder, '.baton'), { recursive: true });
  write('order.mjs', order('shipped'));
  children = [];
}

async function finish(): Promise<void> {
  for (const child of children) await end(child, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

interface Dev {
  readonly child: ChildProcess;
  output(): string;
}

function launch(argv: readonly string[]): Dev {
  const child = spawn(process.execPath, [CLI, ...argv], { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return { child, output: () => output };
}

async function dev(...argv: string[]): Promise<Dev> {
  const started = launch(['dev', 'order.mjs', ...argv]);
  await says(started, /running/);
  return started;
}

async function says({ output }: Dev, pattern: RegExp, times = 1): Promise<void> {
  await eventually(() => [...output().matchAll(new RegExp(pattern, 'g'))].length >= times, {
    what: `it says ${pattern} ${times} times`,
    timeoutMs: 20_000,
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  process.kill(child.pid as number, signal);
  return (await exited)[0];
}

/** A command in another terminal, to its end. */
async function baton(argv: readonly string[], stdin = ''): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...argv], { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  const [stdout, stderr] = [child.stdout, child.stderr].map(async (stream) => {
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    return text;
  });
  child.stdin.end(stdin);
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, stdout: (await stdout) as string, stderr: (await stderr) as string };
}

describe('what is typed in another terminal', () => {
  beforeAll(begin);
  afterAll(finish);

  test('is done there, with that terminal’s input and output', async () => {
    await dev();
    expect(await baton(['start', 'order', '--input', '{"amount":3}', '--id', 'A-1'])).toEqual({
      code: 0,
      stdout: 'A-1\n',
      stderr: '',
    });
    const waiting = baton(['result', 'A-1', '--json']);
    expect(await baton(['signal', 'A-1', 'packed', '--payload', '-'], '"ann"')).toEqual({
      code: 0,
      stdout: 'sent packed to A-1\n',
      stderr: '',
    });
    expect(JSON.parse((await waiting).stdout)).toEqual({ id: 'A-1', status: 'completed', output: 'shipped by ann' });
    const [listed, unknown, ended, wrong, doctor] = await Promise.all([
      baton(['list', '--json']),
      baton(['show', 'A-2']),
      baton(['cancel', 'A-1']),
      baton(['start', 'order', '--input', '{nope']),
      baton(['doctor']),
    ]);
    expect(doctor.stdout).toMatch(/^namespace default, embedded Postgres answers\n.*nothing is wrong\n$/s);
    expect(JSON.parse(listed.stdout)).toMatchObject({ id: 'A-1', workflow: 'order', status: 'completed' });
    expect(unknown).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('no run "A-2"') });
    expect([ended.code, wrong.code]).toEqual([5, 2]);
  }, 60_000);

  test('is refused where it would open the folder itself', async () => {
    const [again, worker] = await Promise.all([
      baton(['dev', 'order.mjs']),
      baton(['worker', 'order.mjs', '--embedded']),
    ]);
    expect(again).toMatchObject({
      code: 5,
      stderr: `baton: baton dev is at work on ${join(folder, '.baton')} already; end that one, or choose another folder with --embedded\n`,
    });
    expect(worker).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(
        /^baton: .*\.baton is in use by process \d+; one process at a time can have it open\n$/,
      ),
    });
  }, 60_000);

  test('finds everything again after SIGINT, which ends it with code 0, as SIGTERM does', async () => {
    const [first] = children;
    expect(await end(first as ChildProcess, 'SIGINT')).toBe(0);
    expect(await baton(['list'])).toMatchObject({ code: 2 });
    const { child } = await dev();
    expect((await baton(['list', '--json'])).stdout).toContain('"A-1"');
    expect(await end(child, 'SIGTERM')).toBe(0);
  }, 60_000);
});

describe('the process at work', () => {
  let running: Dev;
  beforeAll(begin);
  afterAll(finish);

  test('killed in the middle of a task, is followed by another, which runs the task again', async () => {
    running = await dev('--json');
    await baton(['start', 'slow', '--input', '1000', '--id', 'S-1']);
    await eventually(() => existsSync(join(folder, 'ledger')), { what: 'the task is at work' });
    const { worker } = JSON.parse(
      running
        .output()
        .split('\n')
        .find((line) => line.includes('"running"')) as string,
    ) as { worker: string };
    process.kill(Number(worker.split('-').at(-2)), 'SIGKILL');
    expect((await baton(['result', 'S-1', '--json'])).stdout).toContain('"shipped"');
    const { nodes } = JSON.parse((await baton(['show', 'S-1', '--json'])).stdout) as { nodes: object[] };
    expect(nodes).toMatchObject([{ state: 'completed', losses: 1 }]);
  }, 60_000);

  test('is another after a change of a source: what waits goes on with the new code, and a broken one waits to be mended', async () => {
    await baton(['start', 'order', '--input', '{"amount":3}', '--id', 'A-1']);
    write('order.mjs', order('sent'));
    await says(running, /order\.mjs changed/);
    // It is handed to the next process, whichever is at work now.
    await baton(['signal', 'A-1', 'packed', '--payload', '"bob"']);
    expect((await baton(['result', 'A-1', '--json'])).stdout).toContain('"sent by bob"');

    write('order.mjs', 'export const = 1;');
    await says(running, /can't be loaded/);
    await says(running, /waiting for a change/);
    const patient = baton(['start', 'slow', '--input', '1', '--wait', '--json']);
    write('order.mjs', order('mended'));
    expect((await patient).stdout).toContain('"mended"');
  }, 60_000);
});
