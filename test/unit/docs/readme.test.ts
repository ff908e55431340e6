/** What the front page shows is true: its code compiles, its commands parse, its variables are read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test, vi } from 'vitest';
import { flow } from '../../../src/core/flow.js';
import { cli } from '../../support/cli-in-memory.js';

// Commands parse without the modules that they name.
vi.mock('../../../src/cli/load-module.js', async (original) => ({
  ...(await original<object>()),
  loadWorkflows: async () => [flow('order').delay('d', 1).build()],
}));

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const lines = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n');

test('its TypeScript compiles, all blocks and the table of nodes read as one program', { timeout: 60_000 }, () => {
  expect(new Set(lines.map(languageOf)), 'blocks in other languages are proven by nothing').toEqual(
    new Set([undefined, 'ts', 'sh']),
  );
  expect(problemsOf(program())).toEqual([]);
});

test('its commands parse', { timeout: 60_000 }, async () => {
  const commands = inBlocks('sh').flatMap((line) => /^(?:npx )?baton (.*)/.exec(line)?.[1] ?? []);
  expect(commands.length).toBeGreaterThan(10);
  for (const command of commands) {
    const { stderr } = await cli(argumentsOf(command), {
      io: { connect: () => Promise.reject(new Error('parsed')) },
    });
    expect([command, stderr]).toEqual([command, expect.stringMatching(/^(baton: parsed\n)?$/)]);
  }
});

test('the environment variables that it names are read', () => {
  const named = new Set(lines.join('\n').match(/\b(?:[A-Z]+_[A-Z_]+|PG[A-Z]+|CI)\b/g));
  expect(named).toContain('DATABASE_URL');
  const code = ['src', 'test', 'bench', 'examples'].flatMap(sourcesIn).join('\n');
  expect([...named].filter((name) => !new RegExp(`env\\.${name}\\b|variable: '${name}'`).test(code))).toEqual([]);
});

// ------------------------------------------------------------------------------------------ the page's parts

/** The language of the block that begins in this line. */
function languageOf(line: string): string | undefined {
  return /^\s*```(\w+)/.exec(line)?.[1];
}

/** The page line by line: what is in blocks of the language, '' for everything else. */
function inBlocks(language: string): string[] {
  let within = false;
  return lines.map((line) => {
    if (!line.startsWith('```')) return within ? line : '';
    within = languageOf(line) === language;
    return '';
  });
}

/** Its lines have the page's numbers. Each row of the table goes on from the one above. */
function program(): string {
  return inBlocks('ts')
    .map((line, i) => {
      if (lines[i]?.startsWith('| node |')) return "flow<Order>('nodes')";
      return /^\| \w+ \| `(\..*?)` \|/.exec(lines[i] ?? '')?.[1] ?? line;
    })
    .join('\n');
}

/** As a shell splits it: quotes hold words together, a comment ends the line. */
function argumentsOf(command: string): string[] {
  const words = command.replace(/\s+# .*/, '').matchAll(/'([^']*)'|(\S+)/g);
  return Array.from(words, ([, quoted, bare]) => quoted ?? bare ?? '');
}

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(ts|js|mjs)$/.test(name))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8'));
}

/** What the compiler has against the text, as a module of this package. */
function problemsOf(text: string): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const paths = { batonmq: ['./src/index.ts'] };
  const compilerOptions = { ...config.compilerOptions, noEmit: true, paths };
  const { options } = ts.parseJsonConfigFileContent({ compilerOptions, files: [] }, ts.sys, ROOT);
  const page = join(ROOT, 'README.ts');
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => name === page || fileExists(name);
  host.getSourceFile = (name, version) =>
    name === page ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
  const compiled = ts.createProgram([page], options, host);
  return ts.getPreEmitDiagnostics(compiled, compiled.getSourceFile(page)).map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `README.md:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
