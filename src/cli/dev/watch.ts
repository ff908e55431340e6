/** Tells when a source file below a folder changes: what is installed, and what is hidden, aside. */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

const SOURCES = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];
/** Editors write a file in several steps, and tools several files. */
const SETTLED_MS = 100;

export interface Watch {
  close(): void;
}

/** `changed` gets the name of one of the files that changed. */
export async function watchSources(root: string, changed: (file: string) => void): Promise<Watch> {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const add = async (folder: string): Promise<void> => {
    if (closed || watchers.has(folder)) return;
    const watcher = watch(folder, (_event, name) => {
      if (name !== null) void seen(folder, name);
    });
    watchers.set(folder, watcher);
    const forget = () => {
      watcher.close();
      watchers.delete(folder);
    };
    watcher.on('error', forget);
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(gone([])))
      if (entry.isDirectory() && isOurs(entry.name)) await add(join(folder, entry.name));
  };

  const seen = async (folder: string, name: string): Promise<void> => {
    if (SOURCES.includes(extname(name))) {
      clearTimeout(timer);
      timer = setTimeout(() => changed(join(folder, name)), SETTLED_MS);
    } else if (isOurs(name) && (await stat(join(folder, name)).catch(gone(undefined)))?.isDirectory()) {
      await add(join(folder, name));
    }
  };

  await add(root);
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

function isOurs(folder: string): boolean {
  return folder !== 'node_modules' && !folder.startsWith('.');
}

/** What is looked at may be deleted at the same time. */
function gone<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code ?? '')) return instead;
    throw error;
  };
}
