import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConnectionError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { cli } from '../../support/cli-in-memory.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

const parked = flow<number>('parked').waitForSignal('go').build();
const core = pathToFileURL(join(import.meta.dirname, '../../../src/core/flow.ts')).href;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-cli-'));
  const files = {
    'nothing.mjs': 'export const answer = 42;',
    'unbuilt.mjs': `import { flow } from '${core}'; export const order = flow('order').then('x', () => 1);`,
    'throws.mjs': "throw new Error('no such\\nthing');",
    'syntax.mjs': 'export const = 1;',
    'notes.txt': 'text',
    'typed.mts': 'export const answer: number = 42;',
    'order.mjs': `import { flow } from '${core}'; export const order = flow('order').then('x', () => 1).build();`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

let memory: Memory;
beforeEach(() => {
  memory = inMemory();
});
afterEach(() => memory.close());

describe('a wrong command line ends with code 2 and one line that helps', () => {
  test.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['show'], /missing required argument 'run'/],
    [['show', 'a', 'b'], /too many arguments/],
    [['show', 'a', '--colour'], /unknown option '--colour'/],
    [['worker'], /missing required argument 'module'/],
    [['worker', 'missing.mjs'], /there is no module missing\.mjs \(looked for .*missing\.mjs\)/],
    [['worker', '.'], /is no module that can be loaded/],
    [['worker', 'notes.txt'], /give a \.js, \.mjs, \.ts or \.mts file/],
    [['worker', 'nothing.mjs'], /module nothing\.mjs exports no workflow; export what flow\(…\)\.build\(\) returns/],
    [['worker', 'unbuilt.mjs'], /its export order is a flow without \.build\(\)/],
    [['worker', 'throws.mjs'], /module throws\.mjs can't be loaded: no such thing/],
    [['worker', 'syntax.mjs'], /module syntax\.mjs can't be loaded/],
    [['worker', 'order.mjs', '--concurrency', 'many'], /--concurrency takes a whole number/],
    [['worker', 'order.mjs', '--concurrency', '-1'], /--concurrency/],
    [['worker', 'order.mjs', '--http', 'here'], /"here" is no address to listen at; give :9090, 9090 or host:9090/],
    [['worker', 'order.mjs', '--processes', '0'], /--processes takes a number from 1 to 256/],
    [['worker', 'order.mjs', '--processes', '257'], /--processes takes a number from 1 to 256/],
    [['worker', 'order.mjs', '--processes', '2', '--embedded'], /--embedded is for one process at a time/],
    [['worker', 'order.mjs', '--supervised', '1'], /--supervised is for the processes of --processes alone/],
    [['graph', 'nothing.mjs'], /exports no workflow/],
    // A Node that reads TypeScript by itself needs no tsx.
    [['graph', 'typed.mts'], /takes tsx: npm install --save-dev tsx|exports no workflow/],
    [['start', 'parked', '--input', '{bad'], /--input is no JSON: \{bad .*a text takes quotes/],
    [['start', 'parked', '--input', '@missing.json'], /can't read the file missing\.json/],
    [['start', 'parked', '--input', '@notes.txt'], /--input is no JSON: notes\.txt/],
    [['start', 'parked', '--input', '-'], /--input is no JSON: what came from standard input/],
    [['start', 'parked', '--priority', 'high'], /--priority takes a whole number/],
    [['start', 'parked', '--priority', '9'], /priority is 1 \(critical\) to 5/],
    [['start', 'parked', '--conflict', 'replace'], /conflict is one of fail, use_existing/],
    [['start', 'parked', '--id', ''], /1 to 256 bytes/],
    [['start', 'parked', '--id', 'x'.repeat(257)], /1 to 256 bytes; this one has 257/],
    [['signal', 'one', 'go', '--payload', 'nope'], /--payload is no JSON/],
    [['signal', 'one', 'a b'], /name of a signal/],
    [['list', '--status', 'done'], /status is one of running/],
    [['list', '--since', 'yesterday'], /--since takes a date .* or how long ago/],
    [['list', '--until', '2026-99-99'], /--until takes a date/],
    [['list', '--since', '2 fortnights'], /"2 fortnights" is no duration/],
    [['resultt', 'a'], /unknown command 'resultt'/],
    [['result'], /missing required argument 'run'/],
    [['cancel'], /missing required argument 'run'/],
    [['pause'], /missing required argument 'run'/],
    [['resume', 'a', '--reason', 'x'], /unknown option '--reason'/],
    [['retry'], /missing required argument 'run'/],
    [['signal', 'a'], /missing required argument 'name'/],
    [['start'], /missing required argument 'workflow'/],
    [['start', 'parked', '--input'], /option '--input <json>' argument missing/],
    [['start', 'parked', '--module', 'missing.mjs'], /there is no module missing\.mjs/],
    [['start', 'parked', '--module', 'unbuilt.mjs'], /a flow without \.build\(\)/],
    [['graph'], /missing required argument 'module'/],
    [['graph', 'throws.mjs'], /can't be loaded: no such thing/],
    [['dev'], /missing required argument 'module'/],
    [['dev', 'missing.mjs', '--concurrency', '1.5'], /--concurrency takes a whole number/],
    [['dev', 'order.mjs', '--postgres', 'postgres://db'], /baton dev takes no services/],
    [['dev', 'order.mjs', '--embedded', 'notes.txt'], /nothing can be kept in the folder .*notes\.txt: EEXIST/],
    [['dev', 'order.mjs', '--embedded', 'memory'], /keeps its runs in a folder/],
    [['migrate', 'now'], /too many arguments/],
    [['doctor', 'a', 'b'], /too many arguments/],
    [['show', 'x'.repeat(257)], /1 to 256 bytes/],
    [['show', 'a', '--postgres'], /option '--postgres <url>' argument missing/],
    [['list', '--limit', 'x'], /--limit takes a whole number/],
  ])('baton %j', async (argv, message) => {
    await memory.baton().start(parked, 1, { id: 'one' });
    const { code, stdout, stderr } = await cli(argv, { memory, cwd: folder });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^baton: [^\n]+\n$/);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  test('without any command the help is shown, on standard error', async () => {
    const { code, stdout, stderr } = await cli([]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/Usage: baton/);
    expect(stderr).not.toMatch(/outputHelp/);
  });

  test('services that nothing names are a wrong command line', async () => {
    const { connect } = await import('../../../src/client/connect.js');
    const { PGHOST, PGDATABASE, DATABASE_URL, AMQP_URL, RABBITMQ_URL } = process.env;
    for (const name of ['PGHOST', 'PGDATABASE', 'DATABASE_URL', 'AMQP_URL', 'RABBITMQ_URL']) delete process.env[name];
    try {
      const { code, stderr } = await cli(['list'], { io: { connect } });
      expect(code).toBe(2);
      expect(stderr).toMatch(/DATABASE_URL.*AMQP_URL/);
    } finally {
      for (const [name, value] of Object.entries({
        PGHOST,
        PGDATABASE,
        DATABASE_URL,
        AMQP_URL,
        RABBITMQ_URL,
      })) {
        if (value !== undefined) process.env[name] = value;
      }
    }
  });
});

describe('the other codes', () => {
  test('asking for help is no error', async () => {
    const { code, stdout } = await cli(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Exit codes: 0 done, 1 run failed/);
    expect((await cli(['start', '--help'])).stdout).toMatch(/Everywhere: --namespace, --postgres/);
  });

  test('3: a service is away, and no stack is shown without --verbose', async () => {
    const connect = () =>
      Promise.reject(new ConnectionError('Postgres', 'db:5432/x', { cause: new Error('refused\nhard') }));
    const plain = await cli(['list'], { io: { connect } });
    expect(plain.code).toBe(3);
    expect(plain.stderr).toMatch(/^baton: no connection to Postgres at db:5432\/x: refused hard; is it running.*\n$/);
    const verbose = await cli(['list', '--verbose'], { io: { connect } });
    expect(verbose.code).toBe(3);
    expect(verbose.stderr).toMatch(/ConnectionError: [\s\S]*\n {4}at [\s\S]*caused by: Error: refused/);
  });

  test.each([
    [['show', 'nobody'], /there is no run "nobody"/],
    [['result', 'nobody'], /there is no run "nobody"/],
    [['cancel', 'nobody'], /there is no run "nobody"/],
    [['pause', 'nobody'], /there is no run "nobody"/],
    [['resume', 'nobody'], /there is no run "nobody"/],
    [['retry', 'nobody'], /there is no run "nobody"/],
    [['signal', 'nobody', 'go'], /there is no run "nobody"/],
    [['doctor', 'nobody'], /there is no run "nobody"/],
    [['start', 'nothing'], /no workflow "nothing" is known in this namespace/],
    [['start', 'nothing', '--module', 'order.mjs'], /no workflow "nothing" is in that module; it has order/],
  ])('4: baton %j', async (argv, message) => {
    const { code, stderr } = await cli(argv, { memory, cwd: folder });
    expect(stderr).toMatch(message);
    expect(code).toBe(4);
  });

  test('5: the run has ended, or the id is taken', async () => {
    const run = await memory.baton().start(parked, 1, { id: 'one' });
    const taken = await cli(['start', 'parked', '--id', 'one'], { memory });
    expect(taken).toMatchObject({ code: 5, stdout: '', stderr: expect.stringMatching(/has the id "one" already/) });
    await run.cancel();
    expect(await cli(['cancel', 'one'], { memory })).toMatchObject({ code: 0 });
    for (const argv of [
      ['retry', 'one'],
      ['pause', 'one'],
      ['resume', 'one'],
      ['signal', 'one', 'go'],
    ]) {
      expect(await cli(argv, { memory })).toMatchObject({ code: 5, stderr: expect.stringMatching(/ is cancelled/) });
    }
  });

  test('1: something that nobody foresaw', async () => {
    const connect = () => Promise.reject(new RangeError('odd'));
    expect(await cli(['list'], { io: { connect } })).toMatchObject({ code: 1, stderr: 'baton: odd\n' });
  });
});
