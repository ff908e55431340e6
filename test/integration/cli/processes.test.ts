import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ownServices } from '../../support/own-services.js';
import { CLI, cli, environment, runToEnd, startWorker } from '../../support/workers.js';

const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url));

const services = ownServices('cli');
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-cli-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(PACKAGE, join(folder, 'node_modules', 'batonmq'));
  write('plain.mjs', [
    "import { flow } from 'batonmq';",
    "export const twice = flow('twice').then('double', (n) => n * 2).build();",
    "export const failing = flow('failing').then('boom', () => { throw new TypeError('no good'); }).build();",
    '// What a module keeps open must not keep a command from ending.',
    'setInterval(() => {}, 1_000);',
  ]);
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
});

function write(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** Runs a file of the folder, or a command line in it, to its end. */
const node = (args: readonly string[], env: NodeJS.ProcessEnv = environment(services)) =>
  runToEnd(args, { cwd: folder, env });

describe('a worker process', () => {
  test('logs JSON lines, says that it runs, serves runs started by name, and ends well at SIGTERM', async () => {
    const worker = await startWorker(join(folder, 'plain.mjs'), services, ['--concurrency', '3', '--id', 'one']);
    const lines = worker
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'worker running', worker: 'one', workflows: ['failing', 'twice'] }),
    );
    const done = await cli(services, ['start', 'twice', '--input', '21', '--id', 't1', '--wait', '--json']);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toEqual({ id: 't1', status: 'completed', output: 42 });
    const failed = await cli(services, ['start', 'failing', '--wait', '--id', 't2']);
    expect(failed).toEqual({ code: 1, stdout: '', stderr: 'baton: run t2 failed in boom, attempt 1: no good\n' });
    expect(JSON.parse((await cli(services, ['show', 't1', '--json'])).stdout)).toMatchObject({
      nodes: [{ node: 'double', worker: 'one' }],
    });
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  test('that cannot reach the database ends with code 3 and one line', async () => {
    const args = [
      CLI,
      'worker',
      'plain.mjs',
      '--postgres',
      'postgres://user:secret@127.0.0.1:1/none',
      '--rabbitmq',
      services.rabbitmq,
    ];
    const { code, stderr } = await node(args);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^baton: no connection to Postgres at 127\.0\.0\.1:1\/none[^\n]*\n$/);
    expect(stderr).not.toContain('secret');
  });
});

describe('a command', () => {
  test('ends although the module that it loaded keeps a timer', async () => {
    const { code, stdout } = await node([CLI, 'graph', 'plain.mjs']);
    expect(code).toBe(0);
    expect(stdout).toContain('flowchart TD');
  });

  test('whose reader has gone ends quietly', async () => {
    const child = spawn(process.execPath, [CLI, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('loads TypeScript through the tsx that is installed beside it', async () => {
    // It stands in for tsx in the one thing that counts here: being loaded makes Node read the file.
    const tsx = join(folder, 'node_modules', 'tsx');
    mkdirSync(tsx);
    writeFileSync(join(tsx, 'package.json'), '{"name":"tsx","type":"module","exports":{".":"./loader.mjs"}}');
    const hook = [
      "import { readFile } from 'node:fs/promises';",
      'export async function load(url, context, next) {',
      "  if (!url.endsWith('.mts')) return next(url, context);",
      "  const source = (await readFile(new URL(url), 'utf8')).replaceAll(': number', '');",
      "  return { format: 'module', source, shortCircuit: true };",
      '}',
    ].join('\n');
    writeFileSync(
      join(tsx, 'loader.mjs'),
      `import { register } from 'node:module';\nregister('./hook.mjs', import.meta.url);\n`,
    );
    writeFileSync(join(tsx, 'hook.mjs'), hook);
    write('typed.mts', [
      "import { flow } from 'batonmq';",
      "export const typed = flow('typed').then('inc', (n: number) => n + 1).build();",
    ]);
    const { code, stdout, stderr } = await node([CLI, 'graph', 'typed.mts', '--json']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ workflow: 'typed' });
  });
});

describe('a process that uses the library', () => {
  test('ends by itself after runWorkflow', async () => {
    write('memory.mjs', [
      "import { flow, runWorkflow } from 'batonmq';",
      "const workflow = flow('w').delay('nap', 20).then('inc', (n) => n + 1).build();",
      'console.log(await runWorkflow(workflow, 1));',
    ]);
    expect(await node(['memory.mjs'])).toEqual({ code: 0, stdout: '2\n', stderr: '' });
  });

  test('ends by itself after close(), and after a connect() that failed half', async () => {
    write('connected.mjs', [
      "import { connect, flow } from 'batonmq';",
      "const workflow = flow('closing').then('inc', (n) => n + 1).build();",
      `const baton = await connect({ namespace: '${services.namespace}' });`,
      'const worker = baton.worker({ workflows: [workflow] });',
      'await worker.start();',
      'console.log(await (await baton.start(workflow, 1)).result());',
      'await baton.close();',
      "await connect({ rabbitmq: 'amqp://127.0.0.1:1' }).catch((error) => console.log(error.code));",
    ]);
    expect(await node(['connected.mjs'])).toEqual({ code: 0, stdout: '2\nCONNECTION\n', stderr: '' });
  });
});

test('a run whose starter has gone is found by whoever asks for its result', async () => {
  expect(
    await cli(services, ['start', 'twice', '--module', join(folder, 'plain.mjs'), '--input', '4', '--id', 'later']),
  ).toMatchObject({ code: 0, stdout: 'later\n' });
  const asked = cli(services, ['result', 'later', '--json']);
  const worker = await startWorker(join(folder, 'plain.mjs'), services);
  expect(JSON.parse((await asked).stdout)).toEqual({ id: 'later', status: 'completed', output: 8 });
  await eventually(
    async () =>
      expect(JSON.parse((await cli(services, ['show', 'later', '--json'])).stdout)).toMatchObject({
        status: { status: 'completed', output: 8 },
      }),
    {
      what: 'show says the same',
    },
  );
  expect(await worker.end('SIGTERM')).toBe(0);
});
