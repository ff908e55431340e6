/** What a delivery needs of the engine that it runs in. One object per session: a new session engages anew. */

import type { DeliveryPhase } from '../../machines/delivery.js';
import type { Logger } from '../core/logger.js';
import type { Message, Priority } from '../core/model.js';
import type { EndedRun, LeaseResult } from '../store/store.js';
import type { Dispatcher } from './dispatch.js';
import type { Leased } from './leased.js';
import type { Leases } from './leases.js';
import type { Persistence } from './persist.js';
import type { QueueDirectory } from './queues.js';
import type { Registry } from './registry.js';
import type { ValueReader } from './values.js';

/** `on('task', …)`: how one attempt ended. */
export interface TaskEvent {
  readonly runId: string;
  readonly workflow: string;
  readonly taskId: string;
  readonly path: string;
  readonly attempt: number;
  readonly outcome: 'completed' | 'retrying' | 'failed' | 'timed_out' | 'lost';
  readonly durationMs: number;
}

/**
 * What became of asking for a lease; `eager` came with the commit before it, an `exchanged` one was given back at once
 * since its message was out of date.
 */
export type LeaseOutcome = LeaseResult['kind'] | 'eager' | 'exchanged';

export interface Engaged {
  readonly namespace: string;
  readonly leases: Leases;
  readonly registry: Registry;
  readonly queues: QueueDirectory;
  readonly dispatcher: Dispatcher;
  readonly reader: ValueReader;
  readonly logger: Logger;
  /** Repeats statements of a lease in hand until the session ends. */
  readonly settling: Persistence;
  /** Repeats leasing until the session ends or consuming does. */
  readonly leasing: Persistence;
  /** Tasks that may follow in the same slot, one after the other. 0: none. */
  readonly eagerHops: number;
  /** Whether something in hand is more urgent than a successor of this priority that is ready just now. */
  urgentWaits(priority: Priority): boolean;
  /** The duties look at once, not at their next turn. */
  wakeDuties(): void;
  /** A lease may have been granted, or lost, that nobody here knows of: a heartbeat now finds it. */
  beat(): void;
  /** A timer of ours falls due in this many ms. */
  dueIn(ms: number): void;
  /** A run ended here: tell whoever waits. */
  ended(run: EndedRun): void;
  reportTask(event: TaskEvent): void;
  reportLease(outcome: LeaseOutcome): void;
  failedDelivery(error: unknown): void;
  /** Reports a delivery's phases. */
  track(message: Message): PhaseReport;
}

/** @param leased told with `executing`: what is executed */
export type PhaseReport = (phase: DeliveryPhase, leased?: Leased) => void;
