/** What a sequence is played on: the real thing, with a hand on its clock and on the life of its worker. */
import type { Baton } from '../../../src/client/baton.js';
import type { Workflow } from '../../../src/core/flow.js';
import type { Store } from '../../../src/store/store.js';
import type { Stage } from './stage.js';

export interface Driver {
  readonly baton: Baton;
  /** What the baton works on. */
  readonly store: Store;
  readonly stage: Stage;
  readonly workflows: ReadonlyMap<string, Workflow>;
  readonly tickMs: number;
  /** Whether its clock stands still unless it is turned: then times are exact, and nothing happens by itself. */
  readonly timed: boolean;
  /** How long what is expected may take to come; 0 where `settle()` tells when all has come to rest. */
  readonly patienceMs: number;
  /** How often the worker may die in one sequence. */
  readonly mostDeaths: number;
  /** Runs of this plan are about to be started: whoever is at work takes them. */
  expect(plan: string): Promise<void>;
  /** The clock that due times are by, in ms. */
  now(): number;
  /** Resolves when nothing moves any more, as far as that can be told. */
  settle(): Promise<void>;
  pass(ms: number): Promise<void>;
  /** The worker dies without a word; `first` happens just before, and the death strikes so many moments after it. */
  crash(first?: { readonly act: () => void; readonly moments: number }): Promise<void>;
  /** Another worker comes, and it is found out that the one before is dead. */
  restart(): Promise<void>;
  close(): Promise<void>;
}
