/** The folder that holds everything. */
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { ConfigError } from '../../core/errors.js';

/** Makes it where it is missing. Rejects with a ConfigError where nothing could be kept in it. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new ConfigError(`nothing can be kept in the folder ${folder}: ${(cause as Error).message}; choose another`, {
      cause,
    });
  }
}
