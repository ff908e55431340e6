/** The demo, as a new user sees it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DEMO = fileURLToPath(new URL('../../../examples/demo/demo.mjs', import.meta.url));

test('the demo shows an order that outlives the worker that is killed in the middle of it', async () => {
  const child = spawn(process.execPath, [DEMO], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const startedAt = performance.now();
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(performance.now() - startedAt).toBeLessThan(30_000);

  const steps = [...text.matchAll(/worker (\d+) +([\w-]+)/g)].map(([, pid, what]) => `${pid} ${what}`);
  const [victim, heir] = [...new Set(steps.map((step) => step.split(' ')[0]))];
  expect(text).toContain(`kill -9 ${victim}`);
  expect(steps.toSorted()).toEqual(
    [
      ...['starting', 'running', 'reserve', 'charge', 'invoice'].map((what) => `${victim} ${what}`),
      ...['starting', 'running', 'charge', 'charge', 'papers', 'insure', 'hand-over', 'track', 'track', 'track'].map(
        (what) => `${heir} ${what}`,
      ),
      ...['thank', 'stopping', 'stopped'].map((what) => `${heir} ${what}`),
    ].toSorted(),
  );
  expect(text).toMatch(/the order +on-the-road +rests.*the order +delivered +is the signal/s);
  const keys = [...text.matchAll(/asks the bank, key (\S+)/g)].map(([, key]) => key);
  expect(keys).toEqual([keys[0], keys[0]]);
  expect(text).toContain('The result: "thank you, Ann"');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
}, 60_000);
