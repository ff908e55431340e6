/** Where `baton dev` listens, so that commands in other terminals find it. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// A socket's path has to fit into 108 bytes on Linux, 104 elsewhere.
const LONGEST = 100;

/** A socket in the folder; where that can't be, one that is named after it. */
export function addressOf(folder: string, platform: NodeJS.Platform = process.platform): string {
  const name = `baton-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
  if (platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const inside = join(folder, 'socket');
  return Buffer.byteLength(inside) <= LONGEST ? inside : join(tmpdir(), `${name}.socket`);
}
