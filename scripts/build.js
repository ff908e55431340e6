/** Builds the package into dist: what tsc makes of the sources, and the files beside them that it leaves out. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const MIGRATIONS = 'src/store/postgres/migrations';
const COMMAND = path('dist/src/cli/main.js');

rmSync(path('dist'), { recursive: true, force: true });

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const options = ['-p', path('tsconfig.json'), '--outDir', path('dist'), '--rootDir', path('.')];
const { status, signal, error } = spawnSync(process.execPath, [tsc, ...options], { stdio: 'inherit' });
if (status !== 0) {
  if (error) console.error(error);
  if (signal) console.error(`tsc was ended by ${signal}`);
  process.exit(status ?? 1);
}

cpSync(path(MIGRATIONS), path(`dist/${MIGRATIONS}`), {
  recursive: true,
  filter: (name) => !/\.(?!sql$)\w+$/.test(name),
});
if (existsSync(COMMAND)) chmodSync(COMMAND, 0o755);
