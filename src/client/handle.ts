/** One run, as whoever started or found it sees and controls it. */
import { randomUUID } from 'node:crypto';
import { encodePayload } from '../core/codec.js';
import { type Duration, toMs } from '../core/duration.js';
import {
  ConfigError,
  DefinitionMismatchError,
  ResultTimeoutError,
  RunCancelledError,
  RunFailedError,
  RunNotFailedError,
  RunNotFoundError,
  RunTerminalError,
} from '../core/errors.js';
import type { SignalToken } from '../core/flow.js';
import type { RunKey } from '../core/model.js';
import { deserializeError } from '../core/serialize-error.js';
import { validate } from '../core/validate.js';
import { Alarm } from '../runtime/alarm.js';
import { limits } from '../runtime/limits.js';
import { refuseUnknown } from '../runtime/unknown-options.js';
import type { ControlResult, RunRow } from '../store/store.js';
import type { Connection } from './connection.js';
import { describe, type RunDescription } from './describe.js';
import { repeatUntilAnswered } from './repeat.js';
import { checkId } from './start-options.js';
import { outputOf, type RunStatus, statusOf, takeSnapshot } from './status.js';
import { taskResult } from './task-result.js';

/** Of `cancel` and `pause`: shown by `status()` later. */
export interface ControlOptions {
  /** Why; kept with the run. */
  readonly reason?: string | undefined;
  /** Who; kept with the run. */
  readonly by?: string | undefined;
}

/** How long `result()` waits. */
export interface ResultOptions {
  /** How long to wait. Without it there is no end to it. */
  readonly timeout?: Duration;
}

/** What a signal is sent with besides its payload. */
export interface SignalOptions {
  /** 1–256 bytes: another signal of this name with the same id is ignored, so sending it again is harmless. */
  readonly id?: string;
}

/**
 * A run. From `start` it is bound to that very run; from `run(id)` to the one that has the id when the handle is
 * first used, or a RunNotFoundError. Every method rejects with a ConnectionError when the store can't be reached.
 */
export class RunHandle<Out = unknown> {
  readonly id: string;
  readonly #connection: Connection;
  readonly #workflow: string | undefined;
  #bound: Promise<RunKey> | undefined;

  /** @internal */
  constructor(connection: Connection, id: string, binding: { readonly run?: RunKey; readonly workflow?: string } = {}) {
    this.#connection = connection;
    this.id = id;
    this.#workflow = binding.workflow;
    if (binding.run !== undefined) this.#bound = Promise.resolve(binding.run);
  }

  /** Where the run stands. The output of a completed run comes with it. */
  async status(): Promise<RunStatus<Out>> {
    const snapshot = await takeSnapshot(this.#connection, await this.#key(), { open: true });
    return (await statusOf(this.#connection, snapshot)) as RunStatus<Out>;
  }

  /**
   * Resolves with the output once the run is completed; told by the broker, not by polling. Waits through outages.
   * Rejects with RunFailedError, RunCancelledError, or ResultTimeoutError, which leaves the run as it is.
   */
  async result(options: ResultOptions = {}): Promise<Out> {
    refuseUnknown(options, ['timeout'], 'result()');
    const { timeout } = options;
    const row = await this.#ended(timeout === undefined ? undefined : toMs(timeout));
    if (row.status === 'completed') return (await outputOf(this.#connection, row)) as Out;
    if (row.status === 'cancelled') throw new RunCancelledError(this.id, row.reason, row.by);
    const cause = deserializeError(row.error ?? { name: 'Error', message: 'the store says no reason' });
    throw new RunFailedError(this.id, row.failedTask, row.failedAttempt, cause);
  }

  /** The run and every node that it came to. Reads all of them: a wide map makes a long list. */
  async describe(): Promise<RunDescription<Out>> {
    return (await describe(this.#connection, await this.#key())) as RunDescription<Out>;
  }

  /**
   * Ends the run: nothing of it is leased any more once this resolves, and tasks at work get their AbortSignal moments
   * later, with a RunCancelledError as its reason; within a third of the lease's TTL where that news is lost.
   * A cancelled run stays as it is. Rejects with RunTerminalError when the run completed or failed.
   */
  async cancel(options: ControlOptions = {}): Promise<void> {
    const said = wording(options, 'cancel()');
    await this.#control('cancel', (run) => this.#connection.store.cancel(run, said));
  }

  /**
   * Nothing new starts; tasks at work finish, time goes on, signals are accepted. A paused run stays as it is.
   * Rejects with RunTerminalError when the run has ended.
   */
  async pause(options: ControlOptions = {}): Promise<void> {
    const said = wording(options, 'pause()');
    await this.#control('pause', (run) => this.#connection.store.pause(run, said));
  }

  /** Starts what was held. A running run stays as it is. Rejects with RunTerminalError when the run has ended. */
  async resume(): Promise<void> {
    await this.#control('resume', (run) => this.#connection.store.resume(run));
  }

  /**
   * Lets a failed run go on from the task that failed, through the queues, with the same idempotency keys: it and what
   * its failure stopped begin again at attempt 1; what completed stays. Delays and signal timeouts keep their time. A
   * `result()` that has rejected stays so; a new one waits. Rejects with RunNotFailedError unless the run is failed.
   */
  async retry(): Promise<void> {
    const run = await this.#key();
    const token = randomUUID();
    const result = await repeatUntilAnswered(() => this.#connection.store.retry(run, token));
    if (result.kind === 'refused') throw new RunNotFailedError(this.id, result.status);
    const { transport } = this.#connection;
    if (result.dueInMs !== undefined) transport.announce({ kind: 'timer.set', inMs: result.dueInMs });
    await this.#connection.dispatch(result.ready);
  }

  /**
   * Sends a signal; buffered where nobody waits for it yet, each consumed once, in order. Rejects with
   * RunTerminalError when the run has ended, ValidationError when the token's schema refuses the payload,
   * CodecError or PayloadTooLargeError (1 MiB).
   */
  signal<T>(token: SignalToken<T>, payload: NoInfer<T>, options?: SignalOptions): Promise<void>;
  signal(name: string, payload?: unknown, options?: SignalOptions): Promise<void>;
  async signal(to: SignalToken<unknown> | string, payload?: unknown, options: SignalOptions = {}): Promise<void> {
    refuseUnknown(options, ['id'], 'signal()');
    const { id } = options;
    if (id !== undefined) checkId(id, 'the id of a signal');
    const { name, schema } = typeof to === 'string' ? { name: to, schema: undefined } : to;
    if (!/^[\w-]{1,64}$/.test(name))
      throw new ConfigError(`the name of a signal is 1 to 64 of A-Z a-z 0-9 _ -, not ${JSON.stringify(name)}`);
    const where = `payload of signal ${name}`;
    // The payload as it was given: whoever receives it runs it through the schema again.
    if (schema !== undefined) await validate(schema, payload, where);
    const { codec, store } = this.#connection;
    const encoded = encodePayload(codec, payload, { where, limit: limits.payloadBytes });
    const request = { run: await this.#key(), name, id: id ?? randomUUID(), payload: encoded };
    const result = await repeatUntilAnswered(() => store.signal(request));
    if (result.kind === 'refused') throw new RunTerminalError(this.id, result.status, 'signal');
    await this.#connection.dispatch(result.ready);
  }

  /**
   * What a node came to; undefined until it has completed. By path (`/2/b0/1`) that very record. By id the one
   * record, a loop's last iteration, a map's list; `child/id` inside a child flow. Rejects with ConfigError where
   * the workflow has no such node.
   */
  async taskResult(idOrPath: string): Promise<unknown> {
    return taskResult(this.#connection, await this.#row(), idOrPath);
  }

  async #control(what: string, act: (run: RunKey) => Promise<ControlResult>): Promise<void> {
    const run = await this.#key();
    let sent = 0;
    const result = await repeatUntilAnswered(() => {
      sent++;
      return act(run);
    });
    if (result.kind === 'refused') throw new RunTerminalError(this.id, result.status, what);
    const { dispatcher, results } = this.#connection;
    // Repeated, it may be the try before that changed something.
    if (result.changed || sent > 1) await dispatcher.announceControl(run);
    if (result.ended !== undefined) dispatcher.announceEnd(result.ended);
    results.moved(run);
    await this.#connection.dispatch(result.ready);
  }

  async #ended(timeoutMs: number | undefined): Promise<RunRow> {
    const run = await this.#key();
    if (timeoutMs === undefined) return this.#connection.results.ended(run);
    const timeout = new AbortController();
    const alarm = new Alarm(timeoutMs, () => timeout.abort(new ResultTimeoutError(this.id, timeoutMs)));
    try {
      return await this.#connection.results.ended(run, timeout.signal);
    } finally {
      alarm.clear();
    }
  }

  async #row(): Promise<RunRow> {
    const row = await this.#connection.results.row(await this.#key());
    if (row === undefined) throw new RunNotFoundError(this.id);
    return row;
  }

  #key(): Promise<RunKey> {
    this.#connection.assertOpen();
    if (this.#bound === undefined) {
      const found = this.#find();
      this.#bound = found;
      // Not found now, or the store was away: the next use looks again.
      found.catch(() => {
        this.#bound = undefined;
      });
    }
    return this.#bound;
  }

  async #find(): Promise<RunKey> {
    const row = await this.#connection.store.findRun(this.id);
    if (row === undefined) throw new RunNotFoundError(this.id);
    if (this.#workflow !== undefined && row.workflow !== this.#workflow) {
      throw new DefinitionMismatchError(
        `run ${JSON.stringify(this.id)} is of workflow ${row.workflow}, not ${this.#workflow}`,
      );
    }
    return row.run;
  }
}

/** Throws a ConfigError on what no text can be. */
function wording(options: ControlOptions, where: string): { readonly reason?: string; readonly by?: string } {
  refuseUnknown(options, ['reason', 'by'], where);
  const { reason, by } = options;
  for (const [name, text] of Object.entries({ reason, by })) {
    if (text === undefined) continue;
    if (typeof text !== 'string') throw new ConfigError(`${name} is a text, not ${typeof text}`);
    if (text.includes('\0')) throw new ConfigError(`${name} can't hold a NUL character`);
  }
  return { ...(reason === undefined ? {} : { reason }), ...(by === undefined ? {} : { by }) };
}
