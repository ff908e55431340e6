/** Something takes longer than a moment: the terminal says what, until it is done. */
import { span } from '../core/span.js';
import type { Output } from './terminal.js';

/** What is over before is not worth a word. */
const MOMENT_MS = 1_000;
const EVERY_MS = 1_000;
const ERASE = '\r\u001b[K';

/** Shows `what` and for how long on a line of its own that is gone in the end; nothing where there is no terminal. */
export async function withProgress<T>(what: string, terminal: Output, work: Promise<T>): Promise<T> {
  if (!terminal.isTTY) return work;
  const startedAt = performance.now();
  let shown = false;
  const show = () => {
    shown = true;
    terminal.write(`${ERASE}${what}, ${span(performance.now() - startedAt)}`);
  };
  let every: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    show();
    every = setInterval(show, EVERY_MS);
  }, MOMENT_MS);
  try {
    return await work;
  } finally {
    clearTimeout(first);
    clearInterval(every);
    if (shown) terminal.write(ERASE);
  }
}
