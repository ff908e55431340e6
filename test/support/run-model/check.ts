/** Plays random sequences until one fails, shrinks that one, and says it so that it can be read and played again. */
import fc from 'fast-check';
import { type Sequence, sequences } from './commands.js';
import type { Driver } from './driver.js';
import { Mismatch, play } from './play.js';
import type { Tally } from './tally.js';

export interface CheckOptions {
  /** Sequences to play. */
  readonly numRuns: number;
  /** How many are played at a time. */
  readonly lanes?: number;
  /** How long a sequence that failed is made shorter. @default 20 s */
  readonly shrinkMs?: number;
  /** Of an earlier failure: as its message says. */
  readonly seed?: number;
  readonly path?: string;
}

/** The sequence that a run and its model came apart on, as short as it would get. */
export class ModelError extends Error {
  constructor(
    readonly mismatch: Mismatch,
    { seed, path }: { readonly seed: number; readonly path: string },
  ) {
    const expected = mismatch.expected.slice(0, 3).map(indented).join('\n  or\n');
    super(
      [
        'a run did what its model does not:',
        '',
        `  ${mismatch.told.join('\n  → ')}`,
        '',
        `expected\n${expected}`,
        `found\n${indented(mismatch.found)}`,
        '',
        `again: BATON_MODEL_SEED=${seed} BATON_MODEL_PATH=${path}`,
      ].join('\n'),
      { cause: mismatch },
    );
    this.name = 'ModelError';
  }
}

const indented = (text: string): string => text.replace(/^/gm, '  ');

/** Rejects with a ModelError, or with what went wrong besides. */
export async function checkModel(open: () => Promise<Driver>, options: CheckOptions): Promise<Tally> {
  const { BATON_MODEL_SEED, BATON_MODEL_PATH } = process.env;
  const { numRuns, lanes = 1, shrinkMs = 20_000 } = options;
  const { seed = Number(BATON_MODEL_SEED ?? Date.now() | 0), path = BATON_MODEL_PATH } = options;
  const tally: Tally = { sequences: 0, deaths: 0, played: new Map() };
  const lost: Lost = { lane: -1, until: 0 };
  const one = (lane: number) =>
    fc.check(
      fc.asyncProperty(sequences, async (sequence) => {
        // To what comes too late to be looked at, nothing happens.
        if (lost.lane >= 0 && (lost.lane !== lane || Date.now() > lost.until)) return;
        await playOn(open, sequence, tally).catch((error: unknown) => {
          if (lost.lane < 0) Object.assign(lost, { lane, until: Date.now() + shrinkMs });
          throw error;
        });
      }),
      { numRuns: Math.ceil(numRuns / lanes), seed: seed + lane, ...(path === undefined ? {} : { path }) },
    );
  const played = await Promise.all(Array.from({ length: path === undefined ? lanes : 1 }, (_, lane) => one(lane)));
  const failure = played[lost.lane];
  if (failure === undefined) return tally;
  const { errorInstance, counterexamplePath } = failure;
  if (!(errorInstance instanceof Mismatch)) throw errorInstance;
  throw new ModelError(errorInstance, { seed: failure.seed, path: counterexamplePath ?? '' });
}

/** The lane whose sequence failed first, and until when that is made shorter. */
interface Lost {
  readonly lane: number;
  readonly until: number;
}

async function playOn(open: () => Promise<Driver>, sequence: Sequence, tally: Tally): Promise<void> {
  const driver = await open();
  try {
    await play(driver, sequence, tally);
    tally.sequences++;
  } finally {
    await driver.close();
  }
}
