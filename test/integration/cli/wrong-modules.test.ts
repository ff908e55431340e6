/** What only a process of its own shows of a wrong command line. No services are needed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI, type Ended } from '../../support/workers.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const env = { ...process.env, DATABASE_URL: '', AMQP_URL: '', RABBITMQ_URL: '', PGHOST: '', PGDATABASE: '' };
const FILES = {
  'syntax.mjs': '\nexport const = 1;',
  'imports.mjs': "export * from './syntax.mjs';",
  'named.mjs': "export { nothing } from './empty.mjs';",
  'empty.mjs': '',
  'uncallable.mjs': 'const nothing = null;\nnothing.answer();',
  'exits.mjs': 'process.exit(7);',
  'hangs.mjs': 'await new Promise(() => {});',
  'uninstalled.mjs': "import 'no-such-package';",
  'twice.mjs':
    "import { flow } from 'batonmq';\nexport const twice = flow('twice').then('x', () => 1).then('x', () => 2).build();",
  'many.mjs':
    "import { flow } from 'batonmq';\nexport const many = [...Array(2_000).keys()].map((i) => flow('flow-' + i).delay('d', 1).build());",
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-modules-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'batonmq'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

function baton(...argv: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...argv], { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code as number), stdout, stderr }),
    );
  });
}

describe.concurrent('a module that is no good is told in one line, with the place', () => {
  test.each([
    ['syntax.mjs', /can't be loaded: Unexpected token '=' \(syntax\.mjs:2\)$/],
    ['imports.mjs', /can't be loaded: Unexpected token '=' \(syntax\.mjs:2\)$/],
    ['named.mjs', /does not provide an export named 'nothing' \(named\.mjs:1\)$/],
    ['uncallable.mjs', /can't be loaded: Cannot read properties of null .* \(uncallable\.mjs:2\)$/],
    ['twice.mjs', /has the id "x" twice.* \(twice\.mjs:2\)$/],
    ['uninstalled.mjs', /can't be loaded: Cannot find package 'no-such-package' imported from .*uninstalled\.mjs$/],
    ['exits.mjs', /module exits\.mjs ended the process, or waits for what never comes, while it was loaded$/],
    ['hangs.mjs', /module hangs\.mjs ended the process, or waits for what never comes, while it was loaded$/],
  ])('%s', { timeout: 60_000 }, async (module, message) => {
    const { code, stdout, stderr } = await baton('graph', module);
    expect(stderr).toMatch(/^baton: [^\n]+\n$/);
    expect(stderr.trimEnd()).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });
});

test('one that ends the process ends baton dev too, rather than being begun for ever', {
  timeout: 60_000,
}, async () => {
  expect(await baton('dev', 'exits.mjs')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^baton: module exits\.mjs ended the process/),
  });
});

test('where nothing says where the services are, one line names both ways', { timeout: 60_000 }, async () => {
  expect(await baton('list')).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^baton: [^\n]*DATABASE_URL[^\n]*AMQP_URL[^\n]*--embedded on the command line\n$/),
  });
});

test('a reader that has had enough is no error; a full disk is one, and told', { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, [CLI, 'graph', 'many.mjs'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  await once(child.stdout, 'readable');
  child.stdout.destroy();
  expect([await once(child, 'exit'), told]).toEqual([[0, null], '']);

  const full = openSync('/dev/full', 'w');
  const writing = spawn(process.execPath, [CLI, 'graph', 'many.mjs'], {
    cwd: folder,
    env,
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  let complaint = '';
  writing.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  expect(await once(writing, 'close')).toEqual([1, null]);
  expect(complaint).toMatch(/^baton: can't write to standard output: ENOSPC[^\n]*\n$/);
});
