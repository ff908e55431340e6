/** What a command means in the world that it is given in: to which run it goes, and which execution it lets go on. */
import type { Command, Control, Life, Pass, Release, Signal, Start } from './commands.js';
import type { Run, World } from './model.js';

interface Given {
  /** Tells it from the others: it is in its payload, its reason or its input. */
  readonly mark: number;
}
interface ToRun extends Given {
  /** The run's place among those of the id. */
  readonly run: number;
}

export type Starting = Start & Given;
export type Signalling = Omit<Signal, 'back'> & ToRun;
export type Controlling = Omit<Control, 'back'> & ToRun;
export type Releasing = Omit<Release, 'nth' | 'back'> & ToRun & { readonly held: Run['holding'][number] };
export type Act = Starting | Signalling | Controlling | Releasing | (Pass & Given) | (Life & Given);

export const inputOf = ({ mark }: Given): string => `in${mark}`;
export const payloadOf = ({ mark }: Given): string => `mail${mark}`;
export const reasonOf = ({ mark }: Given): string => `reason ${mark}`;

/** Undefined where there is nothing that it could be done to. */
export function actOf(command: Command, world: World, mark: number): Act | undefined {
  switch (command.do) {
    case 'start':
    case 'pass':
      return { ...command, mark };
    case 'crash':
    case 'restart':
      return world.up === (command.do === 'crash') ? { ...command, mark } : undefined;
    default: {
      const { back, ...rest } = command;
      const run = world.runs.length - 1 - back;
      if (run < 0) return undefined;
      return rest.do === 'release' ? releasing(rest, world, run, mark) : { ...rest, run, mark };
    }
  }
}

function releasing({ nth, ...rest }: Omit<Release, 'back'>, world: World, run: number, mark: number): Act | undefined {
  const { holding } = world.runs[run]!;
  const held = holding[nth % holding.length];
  return held === undefined || !world.up ? undefined : { ...rest, run, held, mark };
}

export function words(act: Act, world: World): string {
  switch (act.do) {
    case 'start': {
      const fates = Object.entries(act.script).map(([id, list]) => `${id}: ${list.join(', ')}`);
      const about = [...fates, ...(world.runs.length === 0 ? [] : [act.conflict])];
      return `start ${act.plan}${about.length === 0 ? '' : ` (${about.join('; ')})`}`;
    }
    case 'pass':
      return `${act.ticks} ${act.ticks === 1 ? 'tick passes' : 'ticks pass'}`;
    case 'crash':
      return 'the worker dies';
    case 'restart':
      return 'another worker comes';
    case 'signal':
      return `signal ${act.name}${act.id === undefined ? '' : ` (id ${act.id})`}${whose(act, world)}`;
    case 'release': {
      const how = act.fate === 'ok' ? '' : ', which fails';
      return `release ${act.held.task}${how}${act.dies === undefined ? '' : ', and the worker dies on the way'}${whose(act, world)}`;
    }
    default:
      return `${act.do}${whose(act, world)}`;
  }
}

const whose = ({ run }: ToRun, world: World): string => (run === world.runs.length - 1 ? '' : ' (the run before)');
