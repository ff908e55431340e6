/** The colours of states, of runs and of nodes. */
import type { Colour } from './paint.js';

const COLOURS: Readonly<Record<string, Colour>> = {
  completed: 'green',
  failed: 'red',
  cancelled: 'dim',
  paused: 'yellow',
  held: 'yellow',
  backing_off: 'yellow',
  leased: 'cyan',
  running: 'cyan',
};

export function colourOf(state: string | undefined): Colour | undefined {
  return state === undefined ? undefined : COLOURS[state];
}
