/** The examples of tests are tests that pass, under both runners, as a user would start them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

test.each([
  ['vitest', ['node_modules/vitest/vitest.mjs', 'run', '--root', 'examples/testing'], /Tests .*4 passed \(4\)/],
  ['node:test', ['--test', 'examples/testing/node-test.test.mjs'], /pass 2\n.*fail 0\n.*cancelled 0\n.*skipped 0/s],
])(
  'with %s',
  async (_, args, summary) => {
    // This runner's own variables would change how the other works.
    const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|TEST$)/.test(name));
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: {
        ...Object.fromEntries(own),
        NO_COLOR: '1',
        DATABASE_URL: inject('databaseUrl'),
        AMQP_URL: inject('amqpUrl'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    }
    const [code] = await once(child, 'close');
    expect(code, text).toBe(0);
    expect(text).toMatch(summary);
  },
  60_000,
);
