/** The package as its users get it: packed, and installed into an empty project. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** What a plain install is allowed to bring: a little above what it was when this was written. */
const LIMITS = { packages: 45, kib: 16_000 };
/** Nobody gets these who doesn't ask for them. */
const OPTIONAL = [
  '@electric-sql/pglite',
  '@statelyai/inspect',
  '@testcontainers/postgresql',
  '@testcontainers/rabbitmq',
  'fastify',
  'prom-client',
  'testcontainers',
  'ws',
];
const SUBPATHS = { batonmq: 'src/index', 'batonmq/machines': 'machines/index', 'batonmq/testing': 'src/testing/index' };

const CONSUMER = `
import { branch, connect, flow, LoopResult, runWorkflow, signal, type Workflow } from 'batonmq';
import { createHarness, pathOf, startServices } from 'batonmq/testing';
import * as machines from 'batonmq/machines';
const go = signal<number>('go');
const double: Workflow<number, number> = flow<number>('double').then('twice', (n) => n * 2).build();
const four: number = await runWorkflow(double, 2);
// @ts-expect-error a wrong input
await runWorkflow(double, 'two');
const harness = await createHarness({ workflows: [double] });
const path: string[] = await pathOf(await harness.start(double, four));
// Written out as declarations: whatever a workflow's type is made of has to have a name.
export const verdict = async (n: number) => (n > 3 ? LoopResult.done('many') : LoopResult.again(n + 1));
export const every = flow<number>('every')
  .fork([branch('one', (n) => n), branch('two', () => new Date())])
  .join('sum', ([one]) => one)
  .loop('count', verdict)
  .thenFlow(flow<string>('child').then('list', (text) => [text]))
  .map('each', (text) => text.length)
  .waitForSignal(go, { timeout: '1h' })
  .route((answer) => (answer.timedOut ? 'late' : 'here'), ['late', 'here'])
  .branch('late', () => 0)
  .branch('here', flow<unknown>('here').route(() => 'odd', ['a']).branch('a', () => 1).defaultBranch(() => 2).done())
  .done()
  .build();
export { connect, go, machines, path, startServices };
`;

let folder: string;
let tarball: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-package-'));
  // The build is there: the tests around this one run on it.
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  tarball = join(folder, (JSON.parse(packed) as { filename: string }[])[0]?.filename as string);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what is packed is what runs, its types and the page about it', () => {
  const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  const kinds = new Set(
    names.map((name) => name.replace(/^package\/(dist\/(?:src|machines)|docs)\/.*?(\.d\.ts|\.\w+)$/, '$1 $2')),
  );
  expect([...kinds].sort()).toEqual([
    'dist/machines .d.ts',
    'dist/machines .js',
    'dist/src .css',
    'dist/src .d.ts',
    'dist/src .html',
    'dist/src .js',
    'dist/src .sql',
    // The licences of what the inspector's page brings along.
    'dist/src .txt',
    'docs .md',
    'package/LICENSE',
    'package/README.md',
    'package/package.json',
  ]);
});

const managers = [
  { name: 'npm', install: ['install', '--no-audit', '--no-fund', '--prefer-offline'] },
  { name: 'pnpm', install: ['add', '--prefer-offline'] },
].filter(({ name }) => spawnSync(name, ['--version']).status === 0);
if (managers.length === 1) console.log('pnpm is not at hand: the package is installed with npm only');

describe.each(managers)('installed with $name', ({ name, install }) => {
  let project: string;
  const inside = (code: string) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: project, encoding: 'utf8' });

  beforeAll(() => {
    project = join(folder, name);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    execFileSync(name, [...install, tarball], { cwd: project, stdio: 'ignore' });
  }, 120_000);

  test('everything that its types name is there', () => {
    for (const [subpath, source] of Object.entries(SUBPATHS)) {
      const there = JSON.parse(
        inside(`console.log(JSON.stringify(Object.keys(await import('${subpath}'))))`),
      ) as string[];
      expect([subpath, there.sort()]).toEqual([subpath, valuesOf(source)]);
    }
    const version = inside(`import own from 'batonmq/package.json' with { type: 'json' }; console.log(own.version)`);
    expect(version.trim()).toBe(
      (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version,
    );
  });

  test('a workflow runs, and the command is there', () => {
    const code = `import { flow, runWorkflow } from 'batonmq';
      console.log(await runWorkflow(flow('f').then('twice', (n) => n * 2).build(), 21));`;
    expect(inside(code).trim()).toBe('42');
    const baton = join(project, 'node_modules/.bin/baton');
    expect(execFileSync(baton, ['--help'], { encoding: 'utf8' })).toContain('Usage: baton');
    writeFileSync(
      join(project, 'double.mjs'),
      `import { flow } from 'batonmq'; export const double = flow('double').then('twice', (n) => n * 2).build();`,
    );
    expect(execFileSync(baton, ['graph', 'double.mjs'], { cwd: project, encoding: 'utf8' })).toContain('twice');
  });

  test('its types hold under both ways of resolving modules, those of what it depends on included', () => {
    writeFileSync(join(project, 'consumer.ts'), CONSUMER);
    const ways = [
      { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
      { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
    ];
    for (const way of ways) {
      const options = {
        ...way,
        target: ts.ScriptTarget.ES2023,
        strict: true,
        declaration: true,
        lib: ['lib.esnext.d.ts'],
      };
      const program = ts.createProgram([join(project, 'consumer.ts')], {
        ...options,
        types: ['node'],
        typeRoots: [join(project, 'node_modules/@types'), join(ROOT, 'node_modules/@types')],
      });
      const problems = ts
        .getPreEmitDiagnostics(program)
        .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
      expect(problems).toEqual([]);
    }
  }, 60_000);

  test('what is optional is not there, and is asked for by name when it is used', () => {
    for (const optional of OPTIONAL)
      expect(readdirSync(join(project, 'node_modules'))).not.toContain(optional.split('/')[0]);
    const refused = inside(`import { connect } from 'batonmq';
      await connect({ embedded: 'memory' }).catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`);
    expect(JSON.parse(refused)).toEqual({
      code: 'CONFIG',
      message: expect.stringMatching(/npm install .*@electric-sql\/pglite/),
    });
    for (const [file, use] of [
      ['http/server', `new own.HttpServer({ host: '127.0.0.1', port: 0 }).open([])`],
      ['metrics/prom-client', 'own.loadPromClient()'],
    ]) {
      const said = inside(`const own = await import('./node_modules/batonmq/dist/src/runtime/${file}.js');
        await ${use}.catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`);
      expect(JSON.parse(said)).toEqual({
        code: 'CONFIG',
        message: expect.stringContaining('npm install fastify prom-client'),
      });
    }
    const uninspected = inside(`import { connect } from 'batonmq';
      await connect({ inspect: true }).catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`);
    expect(JSON.parse(uninspected)).toEqual({
      code: 'CONFIG',
      message: expect.stringContaining('npm install @statelyai/inspect ws'),
    });
  });

  test.runIf(name === 'npm')('it stays small', () => {
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as { packages: object };
    const packages = Object.keys(lock.packages).filter((path) => path !== '').length;
    const kib = Math.round(bytesIn(join(project, 'node_modules')) / 1_024);
    console.log(
      `an install brings ${packages} packages, ${kib} KiB, ${Math.round(statSync(tarball).size / 1_024)} KiB of them packed as batonmq`,
    );
    expect(packages).toBeLessThanOrEqual(LIMITS.packages);
    expect(kib).toBeLessThanOrEqual(LIMITS.kib);
  });

  test.runIf(name === 'npm')('publint has nothing against it', async () => {
    const { messages } = await publint({ pkgDir: join(project, 'node_modules/batonmq'), pack: false, strict: true });
    expect(messages).toEqual([]);
  });
});

test('its types are right for everybody who can import it: ESM, from Node and from bundlers', async () => {
  const checked = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
  if (!checked.types) throw new Error('the package has no types');
  // It is ESM only: require() of it under older resolution modes is not promised.
  const promised = checked.problems.filter(
    (problem) => !('resolutionKind' in problem) || !['node10', 'node16-cjs'].includes(problem.resolutionKind),
  );
  expect(promised).toEqual([]);
}, 60_000);

/** The names of values that a module of the sources exports. */
function valuesOf(source: string): string[] {
  const file = join(ROOT, 'dist', `${source}.d.ts`);
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile) as ts.Symbol;
  return checker
    .getExportsOfModule(module)
    .filter((symbol) => {
      if (symbol.declarations?.some(ts.isTypeOnlyExportDeclaration)) return false;
      const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return (meant.flags & ts.SymbolFlags.Value) !== 0;
    })
    .map(({ name }) => name)
    .sort();
}

function bytesIn(path: string): number {
  const names = readdirSync(path, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
