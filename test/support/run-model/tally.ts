/** What was played, for those who want to know that it was enough. */
import type { RunStatus } from '../../../src/client/status.js';
import type { Act } from './acts.js';
import type { Command } from './commands.js';
import type { World } from './model.js';
import { portraitOf } from './portrait.js';

/** A command, and what the run was in when it was given. */
export type Situation = `${Command['do']} while ${RunStatus['status'] | 'nothing'}`;

export const situations = (acts: readonly Command['do'][], states: readonly RunStatus['status'][]): Situation[] =>
  acts.flatMap((act) => states.map((state): Situation => `${act} while ${state}`));

export interface Tally {
  sequences: number;
  deaths: number;
  /** How often each was there. */
  readonly played: Map<Situation, number>;
}

export function count(tally: Tally, acts: readonly Act[], world: World): void {
  for (const act of acts) {
    if (act.do === 'crash' || (act.do === 'release' && act.dies !== undefined)) tally.deaths++;
    const run = world.runs.at('run' in act ? act.run : -1);
    const status = (run && /^\w+/.exec(portraitOf(run, undefined)[0]!)![0]) ?? 'nothing';
    const situation = `${act.do} while ${status}` as Situation;
    tally.played.set(situation, (tally.played.get(situation) ?? 0) + 1);
  }
}
