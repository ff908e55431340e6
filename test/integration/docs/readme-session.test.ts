/** The README's commands, copied one by one as a new user would, in an empty folder and then on real services. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ownServices } from '../../support/own-services.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

interface Block {
  readonly lead: string;
  readonly language: string;
  readonly text: string;
  readonly commands: readonly { readonly line: string; readonly comment: string }[];
}

/** Every block with the line above it. */
const blocks: Block[] = [...README.matchAll(/(.*)\n\n```(\w+)\n([\s\S]*?)```/g)].map(
  ([, lead = '', language = '', text = '']) => ({
    lead,
    language,
    text,
    commands: text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [command = '', comment = ''] = line.split(/\s+# /);
        return { line: command, comment };
      }),
  }),
);
const after = (lead: RegExp): Block => {
  const found = blocks.find((block) => lead.test(block.lead));
  if (found === undefined) throw new Error(`the README has no block after ${lead}`);
  return found;
};

const services = ownServices('readme');
let folder: string;
let running: ChildProcess[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-readme-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In a group of its own, for npx passes on no signal. */
function begin(line: string, cwd: string, env: NodeJS.ProcessEnv): { output: () => string; child: ChildProcess } {
  const child = spawn('bash', ['-c', line], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  return { output: () => text, child };
}

async function endAll(): Promise<void> {
  await Promise.all(
    running.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      process.kill(-(child.pid as number), 'SIGINT');
      await exited;
    }),
  );
  running = [];
}

const run = (line: string, cwd: string, env: NodeJS.ProcessEnv): string =>
  execFileSync('bash', ['-ec', line], {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

test('in an empty folder: installed, run as a program, and by baton dev with commands from elsewhere', async () => {
  // As if no service were named: the embedded one is what this part is about.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(DATABASE_URL|AMQP_URL|VITEST|NODE_ENV|npm_)/.test(name)),
  );
  // What npm asks the registry besides, and what it has fetched before.
  Object.assign(env, { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_prefer_offline: 'true' });
  const clone = join(folder, 'baton');
  const shop = join(folder, 'shop');
  mkdirSync(clone);
  const install = after(/^Build the package in the clone/).commands;
  expect(install[0]?.line).toBe('npm run build && npm pack');
  // The build is what these tests run on already.
  run(`npm pack --ignore-scripts --pack-destination ${clone}`, ROOT, env);
  run(
    install
      .slice(1)
      .map(({ line }) => line)
      .join('\n'),
    clone,
    env,
  );
  for (const name of ['checkout.ts', 'main.ts'])
    writeFileSync(join(shop, name), after(new RegExp(`^\`${name.replace('.', '\\.')}\``)).text);

  const [program, dev] = after(/^With both files in it/).commands;
  expect(run(program?.line as string, shop, env).trim()).toBe(program?.comment);
  const { output } = begin(dev?.line as string, shop, env);
  try {
    await eventually(() => output().includes('worker running'), {
      what: 'baton dev is running',
      timeoutMs: 30_000,
    });
    await session(after(/^While that runs/), shop, env, { 'npx baton show A-2': /signal approval +awaiting_signal/ });
  } finally {
    await endAll();
  }

  const page = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const imports = "import { connect } from 'batonmq';\nimport { checkout } from './checkout.js';\n";
  writeFileSync(join(shop, 'testing.ts'), imports + block);
  const real = { ...env, DATABASE_URL: services.postgres, AMQP_URL: services.rabbitmq };
  const told = run('npx tsx testing.ts', shop, real).replace(/\s+/g, ' ');
  expect(told).toContain("status: 'awaiting_signal'");
  expect(told).toContain("{ branch: 'refund', result: 'refunded' }");
  const path = /pathOf\(waiting\)\); \/\/ (.*)/g;
  const steps = [...block.matchAll(path)].at(-1)?.[1]?.split(', ') ?? [];
  expect(told).toContain(`[ ${steps.map((step) => `'${step}'`).join(', ')} ]`);
}, 150_000);

test('on RabbitMQ and Postgres: two workers, and commands from a third terminal', async () => {
  const names = after(/^Any will do/).commands.map(({ line }) => /^export (\w+)=/.exec(line)?.[1]);
  expect(names).toEqual(['DATABASE_URL', 'AMQP_URL']);
  const env = { ...process.env, DATABASE_URL: services.postgres, AMQP_URL: services.rabbitmq };
  // The one thing that isn't as written: other tests use the same broker.
  const own = (line: string) => `${line} --namespace ${services.namespace}`;
  const [worker] = after(/until|both say `worker running`/).commands;
  try {
    const workers = [1, 2].map(() => begin(own(worker?.line as string), ROOT, env));
    for (const { output } of workers)
      await eventually(() => output().includes('worker running'), {
        what: 'a worker is running',
        timeoutMs: 30_000,
      });
    await session(after(/^In a third/), ROOT, env, { 'npx baton show A-1': /^accept +completed/m }, own);
  } finally {
    await endAll();
  }
}, 90_000);

/** Runs the commands; each has to end well, `result` with what its comment says. */
async function session(
  { commands }: Block,
  cwd: string,
  env: NodeJS.ProcessEnv,
  shown: Readonly<Record<string, RegExp>>,
  own = (line: string) => line,
): Promise<void> {
  for (const { line, comment } of commands) {
    const wanted = shown[line];
    if (wanted !== undefined) {
      await eventually(() => expect(run(own(line), cwd, env)).toMatch(wanted));
      continue;
    }
    const said = run(own(line), cwd, env);
    if (line.includes(' result ')) expect(JSON.parse(said)).toEqual(JSON.parse(comment.replace(/^[^{]*/, '')));
  }
  expect(commands.filter(({ line }) => shown[line] !== undefined)).toHaveLength(Object.keys(shown).length);
}
