/** What a start takes, checked before anything is written. */
import { ConfigError, PayloadTooLargeError } from '../core/errors.js';
import type { Tx } from '../core/flow.js';
import { DEFAULT_PRIORITY, type Json, PRIORITIES, type Priority } from '../core/model.js';
import { limits } from '../runtime/limits.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import type { ConflictPolicy } from '../store/store.js';
import { uuidV7 } from './uuid.js';

/** What a run is started with besides its input. */
export interface StartOptions {
  /**
   * Names the run: 1–256 bytes. It names at most one current run of the namespace, and goes to another only by
   * `terminate_existing`.
   * @default a UUID of version 7
   */
  readonly id?: string;
  /**
   * What happens when a current run has the id, ended or not: `fail` rejects with a RunExistsError,
   * `use_existing` returns that run, `terminate_existing` cancels it if it lives, sets it aside, and starts anew.
   * @default 'fail'
   */
  readonly conflict?: ConflictPolicy;
  /** 1 (critical) … 5 (minimal), for all tasks that say no priority of their own. @default 3 */
  readonly priority?: Priority;
  /** Labels for people: anything that JSON can hold, up to 1 MiB. */
  readonly metadata?: Json;
  /**
   * A transaction of yours, such as a pg client after its BEGIN or the `tx` of a transactional task: the run is started
   * with its commit, and a worker has it some milliseconds later; nothing happens without. The handle is valid after the
   * commit.
   */
  readonly tx?: Tx;
}

/** The options of a start, complete. */
export interface StartPlan {
  readonly id: string;
  readonly conflict: ConflictPolicy;
  readonly priority: Priority;
  /** JSON text. */
  readonly metadata: string | null;
  /** The transaction of the caller's that it is a part of. */
  readonly tx?: Tx;
}

const CONFLICTS: readonly ConflictPolicy[] = ['fail', 'use_existing', 'terminate_existing'];
const KEYS = ['id', 'conflict', 'priority', 'metadata', 'tx'];
const LONGEST_ID = 256;

/** Throws a ConfigError that names what is wrong, or a PayloadTooLargeError on metadata. */
export function planStart(options: StartOptions = {}): StartPlan {
  refuseUnknown(options, KEYS, 'start()');
  const { id = uuidV7(), conflict = 'fail', priority = DEFAULT_PRIORITY, metadata, tx } = options;
  checkId(id, 'the id of a run');
  if (!CONFLICTS.includes(conflict)) {
    throw new ConfigError(`conflict is one of ${CONFLICTS.join(', ')}, not ${JSON.stringify(conflict)}`);
  }
  if (!PRIORITIES.includes(priority))
    throw new ConfigError(`priority is 1 (critical) to 5 (minimal), not ${String(priority)}`);
  if (tx !== undefined) checkTx(tx);
  return {
    id,
    conflict,
    priority,
    metadata: metadata === undefined ? null : jsonText(metadata),
    ...(tx === undefined ? {} : { tx }),
  };
}

/** Ids of runs and signals: 1–256 bytes that Postgres can store as text. */
export function checkId(id: unknown, what: string): asserts id is string {
  if (typeof id !== 'string') throw new ConfigError(`${what} is a string, not ${typeof id}`);
  const bytes = Buffer.byteLength(id);
  if (bytes < 1 || bytes > LONGEST_ID)
    throw new ConfigError(`${what} has 1 to ${LONGEST_ID} bytes; this one has ${bytes}`);
  if (id.includes('\0')) throw new ConfigError(`${what} can't hold a NUL character`);
}

function checkTx(tx: unknown): asserts tx is Tx {
  if (typeof (tx as Partial<Tx> | null)?.query !== 'function')
    throw new ConfigError('tx is a transaction: a pg client after its BEGIN, or whatever has its query(text, values)');
  // Each query of a pool may be on another connection, committed by itself.
  if (typeof tx === 'object' && tx !== null && 'totalCount' in tx && 'connect' in tx)
    throw new ConfigError('tx is one client in a transaction, not a pool: take one with pool.connect() and send BEGIN');
}

function jsonText(metadata: Json): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(metadata);
  } catch (cause) {
    throw new ConfigError(`metadata is what JSON can hold: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new ConfigError(`metadata is what JSON can hold, not ${typeof metadata}`);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.payloadBytes) throw new PayloadTooLargeError('metadata of the run', bytes, limits.payloadBytes);
  return text;
}
