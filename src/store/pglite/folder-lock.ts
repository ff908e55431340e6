/**
 * Who may open a folder: one process at a time, for PGlite itself would let two in and lose what they write. Each
 * comer makes a file whose name says which process it is, and only then looks for others: of two that come at once at
 * least one sees the other and steps back. The file of a process that is gone counts for nothing, however it went.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatonError } from '../../core/baton-error.js';

/** Another process has the folder open. Use that one, wait until it ends, or choose another folder. */
export class FolderInUseError extends BatonError {
  constructor(
    readonly folder: string,
    readonly pid: number,
    readonly host: string,
    file: string,
  ) {
    const where = host === hostname() ? '' : ` on ${host} (if it is gone, delete ${file})`;
    super('FOLDER_IN_USE', `${folder} is in use by process ${pid}${where}; one process at a time can have it open`);
  }
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with the same pid; empty where the system doesn't say. */
  readonly startedAt: string;
}

const FOLDER = 'locks';
/** How often somebody who met another one tries again: it may have stepped back as well. */
const TRIES = 5;
const PAUSE_MS = 50;

/** Rejects with a FolderInUseError. */
export async function lockFolder(folder: string): Promise<{ release(): Promise<void> }> {
  const locks = join(folder, FOLDER);
  await mkdir(locks, { recursive: true });
  const me = { pid: process.pid, host: hostname(), startedAt: startOf(process.pid) };
  for (let attempt = 1; ; attempt++) {
    const own = nameOf(me);
    await writeFile(join(locks, own), '');
    const other = await findOther(locks, own);
    if (other === undefined) return { release: () => rm(join(locks, own), { force: true }) };
    await rm(join(locks, own), { force: true });
    if (attempt === TRIES) throw new FolderInUseError(folder, other.pid, other.host, join(locks, nameOf(other)));
    await sleep(PAUSE_MS * attempt * Math.random());
  }
}

async function findOther(locks: string, own: string): Promise<Owner | undefined> {
  for (const name of await readdir(locks)) {
    const owner = name === own ? undefined : ownerOf(name);
    if (owner === undefined) continue;
    if (isAlive(owner)) return owner;
    await rm(join(locks, name), { force: true });
  }
  return undefined;
}

function nameOf({ pid, host, startedAt }: Owner): string {
  return [pid, startedAt, encodeURIComponent(host), randomBytes(6).toString('hex')].join('@');
}

function ownerOf(name: string): Owner | undefined {
  const [pid, startedAt, host] = name.split('@');
  if (startedAt === undefined || host === undefined) return undefined;
  return { pid: Number(pid), startedAt, host: decodeURIComponent(host) };
}

function isAlive({ pid, host, startedAt }: Owner): boolean {
  // Of another host's processes nothing can be known from here.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(pid) === startedAt;
}

/** When a process was started, in the system's own words; empty where it doesn't say, or the process is over. */
function startOf(pid: number): string {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return '';
  const stat = readFileSync(file, 'utf8');
  // Its name, in parentheses, may hold anything. Behind it comes the state, and the start as the 20th field.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? '' : (fields[18] ?? '');
}
