import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { GuardedProcess } from '../../support/guarded-process.js';

const SOURCE = new URL('../../support/guarded-process.ts', import.meta.url);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-guarded-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function start(script: string): GuardedProcess {
  return new GuardedProcess({ command: ['/bin/sh', '-c', script], env: process.env, folder, lastSignal: 'SIGKILL' });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('signals reach the server, and its end is seen', async () => {
  const server = start('trap "echo goodbye; exit" TERM; echo up; while :; do sleep 0.01; done');
  await eventually(() => server.output.includes('up'), { what: 'the server is up' });
  expect(server.running).toBe(true);
  server.signal('SIGTERM');
  await server.exited;
  expect(server.running).toBe(false);
  expect(server.output).toContain('goodbye');
  expect(existsSync(folder)).toBe(true);
});

test('a server that ends while it starts is an error with what it said', async () => {
  const server = start('echo no such luck >&2; exit 3');
  const ready = server.ready('the test server', () => Promise.reject(new Error('refused')), 10_000);
  await expect(ready).rejects.toThrow(/the test server ended while starting:\s+no such luck/);
});

test('a server that does not answer in time is ended, and that is an error', async () => {
  const server = start('echo thinking; exec sleep 1000');
  const ready = server.ready('the test server', () => Promise.reject(new Error('refused')), 100);
  await expect(ready).rejects.toThrow(/the test server didn't answer within 100 ms/);
  expect(server.running).toBe(false);
});

test('when the process that started it is killed, the server and its folder go', async () => {
  const { outputText } = ts.transpileModule(await readFile(SOURCE, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  const modules = await mkdtemp(join(tmpdir(), 'baton-guarded-source-'));
  await writeFile(join(modules, 'guarded-process.mjs'), outputText);
  const options = JSON.stringify({
    command: ['/bin/sh', '-c', 'echo $$ > pid.tmp; mv pid.tmp pid; exec sleep 1000'],
    env: {},
    folder,
    lastSignal: 'SIGTERM',
  });
  const script = `import { GuardedProcess } from './guarded-process.mjs'; new GuardedProcess(${options});`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: modules, stdio: 'ignore' });
  try {
    const pid = await eventually(async () => Number(await readFile(join(folder, 'pid'), 'utf8')), {
      what: 'the server runs',
    });
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await eventually(() => !isAlive(pid) && !existsSync(folder), { what: 'the server and its folder are gone' });
  } finally {
    parent.kill('SIGKILL');
    await rm(modules, { recursive: true, force: true });
  }
});
