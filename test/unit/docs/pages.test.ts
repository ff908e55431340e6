/** What the pages show is true: their code compiles, their commands parse, their variables are read, links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test, vi } from 'vitest';
import { flow } from '../../../src/core/flow.js';
import { cli } from '../../support/cli-in-memory.js';
import { argumentsOf, blocksOf, languageOf, linesOf, programOf, ROOT } from '../../support/pages.js';

// Commands parse without the modules that they name.
vi.mock('../../../src/cli/load-module.js', async (original) => {
  const workflows = [flow('order').delay('d', 1).build()];
  return {
    ...(await original<object>()),
    loadWorkflows: async () => workflows,
    loadModules: async () => ({ workflows, worker: {} }),
  };
});

// Nor are the files there that they read.
vi.mock('../../../src/cli/worker-settings.js', async (original) => ({
  ...(await original<object>()),
  readOptions: async () => ({ workflows: [] }),
}));

vi.mock('../../../src/cli/supervise.js', async (original) => ({
  ...(await original<object>()),
  supervise: async () => 0,
}));

vi.mock('../../../src/cli/dev/front.js', () => ({ runFront: async () => 0 }));

const PAGES = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
/** What other pages go on from. */
const FRONT = programOf(linesOf('README.md'));

describe.each(PAGES)('%s', (page) => {
  const lines = linesOf(page);

  test('its TypeScript compiles, all blocks and the table of nodes read as one program', { timeout: 60_000 }, () => {
    const elsewhere = page === 'docs/deployment.md' ? ['dockerfile', 'yaml', 'ini'] : [];
    expect(['ts', 'sh', ...elsewhere, undefined], 'blocks in other languages are proven by nothing').toEqual(
      expect.arrayContaining(
        [...new Set(lines.map(languageOf))].filter((language) => language !== undefined || page !== 'CONTRIBUTING.md'),
      ),
    );
    const own = programOf(lines);
    if (own.trim() !== '') expect(problemsOf(page, own, page === 'README.md' ? '' : FRONT)).toEqual([]);
  });

  test('its commands parse, and its scripts are there', { timeout: 60_000 }, async () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const line of blocksOf(lines, 'sh')) {
      for (const [, script] of line.matchAll(/npm (?:run )?(?!ci|run|init|pkg|install|pack)([\w:]+)/g))
        expect(Object.keys(scripts)).toContain(script);
      const command = /^(?:npx )?baton (.*)/.exec(line)?.[1];
      if (command === undefined) continue;
      const { stderr } = await cli(argumentsOf(command), {
        io: { connect: () => Promise.reject(new Error('parsed')) },
      });
      expect([command, stderr]).toEqual([command, expect.stringMatching(/^(baton: parsed\n)?$/)]);
    }
  });

  test('the environment variables that it names are read', () => {
    const named = new Set(lines.join('\n').match(/\b(?:[A-Z]+_[A-Z_]+|PG[A-Z]+|CI)\b/g));
    const code = ['src', 'test', 'bench', 'examples'].flatMap(sourcesIn).join('\n');
    expect(
      [...named].filter((name) => !new RegExp(`env\\.${name}\\b|variable: '${name}'|'${name}'`).test(code)),
    ).toEqual([]);
  });

  test('its links lead to pages and headings that are there', () => {
    for (const [, to = ''] of lines.join('\n').matchAll(/\]\(([^)]+)\)/g)) {
      const [file, anchor] = to.split('#');
      const target = file === '' ? page : join(dirname(page), file as string);
      expect([to, existsSync(join(ROOT, target))]).toEqual([to, true]);
      const headings = linesOf(target).flatMap((line) => /^#+ (.*)/.exec(line)?.[1] ?? []);
      const anchors = headings.map((heading) =>
        heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      if (anchor !== undefined) expect(anchors).toContain(anchor);
    }
  });
});

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(ts|js|mjs)$/.test(name))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'));
}

/** What the compiler has against the text, as a module of this package. */
function problemsOf(page: string, own: string, before: string): string[] {
  const text = `${before}\n${own}`;
  const offset = before.split('\n').length;
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const paths = {
    batonmq: ['./src/index.ts'],
    'batonmq/testing': ['./src/testing/index.ts'],
    'batonmq/machines': ['./machines/index.ts'],
  };
  const compilerOptions = { ...config.compilerOptions, noEmit: true, allowJs: true, paths };
  const { options } = ts.parseJsonConfigFileContent({ compilerOptions, files: [] }, ts.sys, ROOT);
  const source = join(ROOT, 'page.ts');
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === source || fileExists(name);
  host.getSourceFile = (name, version) =>
    name === source ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
  const compiled = ts.createProgram([source], options, host);
  return ts.getPreEmitDiagnostics(compiled, compiled.getSourceFile(source)).map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1 - offset;
    return `${page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
