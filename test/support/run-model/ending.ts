/** How every run is brought to its end, whatever was done to it before. */
import type { Command } from './commands.js';
import { counts, isLive, nodesOf, type World } from './model.js';
import { earliestDue } from './outcomes.js';
import { type Step, stepAt } from './plans.js';

/** Takes away what keeps a run from its end; undefined where all have ended. */
export function towardsTheEnd(world: World): Command | undefined {
  const live = world.runs.findIndex(isLive);
  if (live < 0) return undefined;
  if (!world.up) return { do: 'restart' };
  const run = world.runs[live]!;
  const back = world.runs.length - 1 - live;
  if (run.status === 'paused') return { do: 'resume', back };
  const nth = run.holding.findIndex((held) => counts(run, held));
  if (nth >= 0) return { do: 'release', nth, fate: 'ok', back };
  const due = earliestDue(world);
  if (due !== undefined) return { do: 'pass', ticks: Math.max(1, Math.ceil((due - world.now) / world.tickMs)) };
  const waiting = nodesOf(run).find(({ node }) => node.state === 'awaiting_signal');
  if (waiting === undefined) return { do: 'pass', ticks: 1 };
  const { signal } = stepAt(run, waiting.path) as Extract<Step, { kind: 'wait' }>;
  return { do: 'signal', name: signal, back };
}
