/** The guide's code is run as it stands, all blocks and the table of nodes as one program, on real services. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, inject, test } from 'vitest';
import { ownServices } from '../../support/own-services.js';
import { blocksOf, linesOf, programOf, ROOT } from '../../support/pages.js';
import { environment, runToEnd } from '../../support/workers.js';

const services = ownServices('guide');

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const keys = { KEY_2026: key(26), KEY_2025: key(25) };

/** What the guide takes for granted, and what it can't name: our services, and a bank. */
const before = (folder: string) => `
import { createHarness, pathOf } from 'batonmq/testing';
const answers = [[429], [200, { payment: 'p-1' }], [402]];
globalThis.fetch = async (url) => {
  if (!String(url).startsWith('https://bank.example')) throw new Error('fetched ' + url);
  if (url === 'https://bank.example') return Response.json({});
  const [status, body = {}] = answers.shift();
  return Response.json(body, { status });
};
process.chdir(${JSON.stringify(folder)});
const baton = await connect({ namespace: '${services.namespace}' });
`;

/** What comes of it: the run that the guide paused, one on its worker, one through its nodes, and its bank's answers. */
const after = `
const told = { paused: status, health: await worker.health() };
await staging.run('A-2').cancel();
await staging.close();
await discreet.close();
worker.on('task', ({ taskId }) => (told.tasks ??= []).push(taskId));
const one = await baton.start(checkout, { id: 'A-1', amount: 30 });
await one.signal(approval, { verdict: 'refund' });
told.refunded = await one.result();
await worker.reload({ concurrency: 20 });
await baton.close();
told.worker = worker.state;

const every = nodes.build();
const payments = flow('payments').then(charge).build();
const harness = await createHarness({ workflows: [every, payments] });
const walk = await harness.start(every, { id: 'A-3', amount: 1 });
await harness.advance('10m');
await walk.signal(approval, { verdict: 'ship' });
told.every = await harness.runToEnd(walk);
const paid = await harness.start(payments, { id: 'A-4', amount: 1 });
told.waiting = (await paid.status()).status;
await harness.advance('30s');
told.paid = await harness.runToEnd(paid);
told.attempts = await pathOf(paid);
const declined = await harness.start(payments, { id: 'A-5', amount: 1 });
told.declined = (await harness.runToEnd(declined).catch((error) => error)).message;
await harness.close();
console.log(JSON.stringify(told));
process.exit();
`;

/** The table's nodes get a name, and the services and the folder that nobody has become ours. */
function ours(program: string, folder: string): string {
  const names = [
    ["flow<Order>('nodes')", "const nodes = flow<Order>('nodes')"],
    ['postgres://db/shop', services.postgres],
    ['amqp://mq', services.rabbitmq],
    ["'staging'", `'${services.namespace}'`],
    ['/var/lib/shop', join(folder, 'shop')],
  ] as const;
  return names.reduce((text, [theirs, own]) => {
    expect(text.split(theirs), `the guide says ${theirs} once`).toHaveLength(2);
    return text.replace(theirs, () => own);
  }, program);
}

test('the guide does what it says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-guide-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules', 'batonmq'));
    for (const name of ['valibot', 'zod'])
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    symlinkSync(join(ROOT, 'examples'), join(folder, 'examples'));
    for (const made of ['.baton', 'shop']) cpSync(inject('embeddedTemplate'), join(folder, made), { recursive: true });
    const [definitions = ''] = blocksOf(linesOf('README.md'), 'ts')
      .join('\n')
      .split("import { connect } from 'batonmq'");
    const connecting = "import { connect } from 'batonmq';\n";
    const text = [definitions, connecting, before(folder), ours(programOf(linesOf('docs/guide.md')), folder), after];
    const { outputText } = ts.transpileModule(text.join('\n'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(join(folder, 'guide.mjs'), outputText);
    const { code, stdout, stderr } = await runToEnd([join(folder, 'guide.mjs')], {
      env: { ...environment(services), ...keys },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trim().split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^A-2 \d{4}-\d\d-\d\dT/));
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      paused: 'paused',
      health: { status: 'ok', checks: { services: { ok: true }, bank: { ok: true } } },
      tasks: ['reserve', 'charge', 'invoice', 'papers', 'refund'],
      refunded: { branch: 'refund', result: 'refunded' },
      worker: 'stopped',
      every: { branch: 'yes', result: 1 },
      waiting: 'running',
      paid: { payment: 'p-1' },
      attempts: ['charge (2 attempts)'],
      declined: expect.stringContaining('the card was declined'),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
