/** How fast and how long things are told, in ms. */

import { limits } from '../runtime/limits.js';

/** A process tells how it is no more often than this, however much happens. */
export const FRAME_MS = 200;
/** And no less often while somebody looks, so that silence means something. */
export const ASK_MS = limits.inspectMs;
/** For this long those who are asked go on telling. */
export const WANTED_MS = 3 * ASK_MS;
export const LONGEST_WANTED_MS = 10_000;
/** A process that said nothing for this long is gone. */
export const SILENT_MS = 3 * ASK_MS;
/** So many processes are shown; the others aren't. */
export const MOST_PROCESSES = 100;
