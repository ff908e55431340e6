import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LoadedModules } from '../../../src/cli/load-module.js';
import { WorkerExports } from '../../../src/cli/worker-exports.js';
import { readChanges, readOptions, type SettingsSources } from '../../../src/cli/worker-settings.js';
import { ConfigError } from '../../../src/core/errors.js';
import { workflow } from '../../support/fake-worker.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'baton-settings-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

interface Given {
  readonly file?: unknown;
  readonly env?: NodeJS.ProcessEnv;
  readonly given?: SettingsSources['given'];
  readonly worker?: LoadedModules['worker'];
}

/** A text is the file as it stands. */
function write(file: unknown): void {
  writeFileSync(join(cwd, 'worker.json'), typeof file === 'string' ? file : JSON.stringify(file));
}

function sources({ file, env = {}, given = {}, worker = {} }: Given): SettingsSources {
  if (file !== undefined) write(file);
  const modules = { workflows: [workflow], worker };
  return { modules, file: file === undefined ? undefined : 'worker.json', given, io: { env, cwd } };
}

const refusal = (given: Given): Promise<Error> =>
  readOptions(sources(given)).then(
    () => Promise.reject(new Error('it was taken')),
    (error: Error) => error,
  );

test('the command line wins over the environment, that over the file, and that over the module', async () => {
  const check = () => {};
  const options = await readOptions(
    sources({
      worker: { checks: [{ name: 'a', check }], concurrency: 1, prefetch: 1, leaseTtl: '1s', hookTimeout: '1s' },
      file: { prefetch: 2, leaseTtl: '2s', tags: ['file'], checkIntervals: { a: '1s' } },
      env: { BATON_LEASE_TTL: '3s', BATON_TAGS: 'x, y', BATON_HOOK_TIMEOUT: '3000', BATON_CONCURRENCY: '' },
      given: { tags: ['line'] },
    }),
  );
  expect(options).toEqual({
    workflows: [workflow],
    checks: [{ name: 'a', check }],
    concurrency: 1,
    prefetch: 2,
    leaseTtl: '3s',
    hookTimeout: 3_000,
    tags: ['line'],
    checkIntervals: { a: '1s' },
  });
});

describe('what is wrong is said with where, and which option', () => {
  test.each<[string, Given, string]>([
    ['no JSON', { file: '{ "concurrency": 5' }, '--config: worker.json is no JSON'],
    ['no object', { file: [1] }, 'worker.json: give a JSON object'],
    ['an unknown key', { file: { concurency: 5 } }, 'worker.json: the file has no option "concurency"'],
    ['a wrong value', { file: { concurrency: 'many' } }, 'worker.json: concurrency: "many"'],
    ['a wrong type', { file: { leaseTtl: true } }, 'worker.json: leaseTtl: '],
    ['tags that are none', { file: { tags: 'eu' } }, 'worker.json: '],
    ['a check that nobody has', { file: { checkIntervals: { bank: '1s' } } }, 'worker.json: checkIntervals has no'],
    ['hooks', { file: { hooks: {} } }, "worker.json: hooks can't be given in JSON; a module does it: export const"],
    ['a variable', { env: { BATON_CONCURRENCY: 'many' } }, 'BATON_CONCURRENCY: concurrency: "many"'],
  ])('%s', async (_, given, message) => {
    const error = await refusal(given);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
  });

  test('a file that is not there', async () => {
    const error = await readOptions({ ...sources({}), file: 'none.json' }).catch((e: Error) => e);
    expect(error).toMatchObject({ message: expect.stringContaining("--config: none.json can't be read") });
  });
});

test('a reload reads file and environment again; what nobody says any more is undefined', async () => {
  const env: NodeJS.ProcessEnv = { BATON_PREFETCH: '4' };
  const from = sources({
    worker: { checks: [{ name: 'a', check: () => {} }] },
    file: { concurrency: 5, checkIntervals: { a: '1s' } },
    env,
    given: { id: 'one' },
  });
  expect(await readChanges(from)).toMatchObject({
    concurrency: 5,
    prefetch: 4,
    id: 'one',
    checkIntervals: { a: '1s' },
  });
  write({ leaseTtl: '5s' });
  delete env.BATON_PREFETCH;
  const changes = await readChanges(from);
  expect(changes).toMatchObject({ leaseTtl: '5s', id: 'one' });
  expect(changes).toHaveProperty('concurrency', undefined);
  expect(changes).toHaveProperty('prefetch', undefined);
  expect(changes.checkIntervals).toEqual({ services: undefined, a: undefined });
});

describe('what modules export as `worker`', () => {
  const hook = () => {};
  const other = () => {};

  test('is put together: hooks and checks of all of them, in order', () => {
    const exports = new WorkerExports();
    const [a, b] = ['a', 'b'].map((name) => ({ name, check: hook })) as [{ name: string; check: () => void }, never];
    exports.add('one.mjs', { hooks: { onStartup: hook }, checks: [a], concurrency: 5 });
    exports.add('none.mjs', undefined);
    exports.add('flow.mjs', workflow);
    exports.add('two.mjs', { hooks: { onStartup: [other], afterStop: other }, checks: [b] });
    expect(exports.worker).toEqual({
      hooks: { onStartup: [hook, other], afterStop: [other] },
      checks: [a, b],
      concurrency: 5,
    });
  });

  test.each<[string, object[], string]>([
    ['an unknown option', [{ hook: {} }], 'the export worker of 0.mjs has no option "hook"'],
    ['workflows', [{ workflows: [] }], 'has no option "workflows"'],
    ['the same option twice', [{ prefetch: 1 }, { prefetch: 1 }], '0.mjs and 1.mjs both export a worker with prefetch'],
  ])('is refused with %s', (_, given, message) => {
    const exports = new WorkerExports();
    expect(() => {
      for (const [i, one] of given.entries()) exports.add(`${i}.mjs`, one);
    }).toThrow(message);
  });
});
