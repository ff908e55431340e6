/** How the end of a run is told: `result`, and `start --wait`. */

import type { RunHandle } from '../../client/handle.js';
import { RunCancelledError, RunFailedError } from '../../core/errors.js';
import { serializeError } from '../../core/serialize-error.js';
import { FAILED, OK } from '../exit-codes.js';
import type { Io } from '../io.js';
import { jsonBlock, jsonLine } from '../json.js';
import { withProgress } from '../progress.js';
import { print, type SharedOptions } from '../session.js';

/** Waits for the end, tells it, and returns the exit code. */
export async function tellOutcome(handle: RunHandle, shared: SharedOptions, io: Io): Promise<number> {
  const { id } = handle;
  try {
    const output = await withProgress(`waiting for the end of ${id}`, io.stderr, handle.result());
    print(io, shared.json ? jsonLine({ id, status: 'completed', output: output ?? null }) : jsonBlock(output));
    return OK;
  } catch (error) {
    if (!shared.json) throw error;
    if (error instanceof RunFailedError) {
      const { task, attempt, cause } = error;
      print(io, jsonLine({ id, status: 'failed', error: serializeError(cause), task, attempt }));
      return FAILED;
    }
    if (error instanceof RunCancelledError) {
      const { reason, by } = error;
      print(
        io,
        jsonLine({
          id,
          status: 'cancelled',
          error: { name: error.name, message: error.message, code: error.code },
          reason,
          by,
        }),
      );
      return FAILED;
    }
    throw error;
  }
}
