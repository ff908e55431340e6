/**
 * Mermaid as the inspector's page takes it: one file that draws state diagrams and nothing else, so that a browser
 * without internet can. Beside it, the licences of all that went into it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** Of the parts that Mermaid loads when a diagram asks for them, these are taken along. */
const KEPT = /\/(stateDiagram-v2|dagre)-/;

export async function bundleMermaid(file) {
  const bundle = await rolldown({
    input: fileURLToPath(import.meta.resolve('mermaid')),
    platform: 'browser',
    plugins: [
      {
        name: 'state-diagrams-only',
        resolveId: (source, _importer, { kind }) =>
          kind === 'dynamic-import' && !KEPT.test(source) ? { id: source, external: true } : undefined,
      },
    ],
  });
  const { output } = await bundle.write({
    file,
    format: 'esm',
    minify: true,
    codeSplitting: false,
    comments: { legal: false },
  });
  await bundle.close();
  if (output.length !== 1) throw new Error(`Mermaid became ${output.length} files instead of one`);
  const taken = Object.entries(output[0].modules).filter(([, { renderedLength }]) => renderedLength > 0);
  writeFileSync(`${file}.LICENSES.txt`, licences(taken.map(([module]) => module)));
}

function licences(modules) {
  const folders = new Set(modules.filter((module) => module.includes('node_modules')).map(packageOf));
  return [...folders]
    .sort()
    .map(licence)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function packageOf(module) {
  const [, folder] = /^\0?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module);
  return folder;
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? `${license}, says its package.json\n` : readFileSync(join(folder, file), 'utf8');
  return `${name} ${version}\n\n${text}`;
}
