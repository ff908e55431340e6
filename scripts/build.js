/** Builds the package into dist: what tsc makes of the sources, and the files beside them that it leaves out. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundleMermaid } from './bundle-mermaid.js';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const MIGRATIONS = 'src/store/postgres/migrations';
const PAGE = 'src/inspect/page';
const COMMAND = path('dist/src/cli/main.js');

rmSync(path('dist'), { recursive: true, force: true });
cpSync(path(MIGRATIONS), path(`dist/${MIGRATIONS}`), {
  recursive: true,
  filter: (name) => !/\.(?!sql$)\w+$/.test(name),
});
cpSync(path(PAGE), path(`dist/${PAGE}`), { recursive: true });
await Promise.all([compile(), bundleMermaid(path(`dist/${PAGE}/mermaid.js`))]);
if (existsSync(COMMAND)) chmodSync(COMMAND, 0o755);

async function compile() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const options = ['-p', path('tsconfig.json'), '--outDir', path('dist'), '--rootDir', path('.')];
  const [status, signal] = await once(spawn(process.execPath, [tsc, ...options], { stdio: 'inherit' }), 'close');
  if (status === 0) return;
  if (signal) console.error(`tsc was ended by ${signal}`);
  process.exit(status ?? 1);
}
