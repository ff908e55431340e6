/**
 * Starting runs. What a start writes is decided from the tree (`begin`), once per workflow and priority; starts
 * that are asked for at the same time share a statement, and their messages a batch of confirms.
 */
import { randomUUID } from 'node:crypto';
import { begin } from '../core/advance.js';
import { encodePayload } from '../core/codec.js';
import { RunExistsError } from '../core/errors.js';
import type { Tx } from '../core/flow.js';
import { PRIORITIES, type Priority, type RunKey } from '../core/model.js';
import type { Tree } from '../core/tree.js';
import { Batch } from '../runtime/batch.js';
import { limits } from '../runtime/limits.js';
import { rowsFor } from '../runtime/rows.js';
import type { ActivationRow, StartRequest, StartResult } from '../store/store.js';
import type { Connection } from './connection.js';
import { repeatUntilAnswered } from './repeat.js';
import type { StartPlan } from './start-options.js';

interface Answer {
  readonly result: StartResult;
  /** Resolves when the messages of its batch are confirmed or given up, or took too long. */
  readonly dispatched: Promise<unknown>;
}

export class Starter {
  readonly #batch = new Batch<StartRequest, Answer>((requests) => this.#send(requests));
  readonly #inTransactions = new WeakMap<Tx, Batch<StartRequest, Answer>>();
  readonly #firstRows = new WeakMap<Tree, Map<Priority, Promise<ActivationRow[]>>>();

  constructor(private readonly connection: Connection) {}

  /**
   * Resolves with the key of the run once it is stored: from then on nothing loses it. Its message is given up to
   * a second to be confirmed; a worker finds the run without it.
   */
  async start(tree: Tree, input: unknown, plan: StartPlan): Promise<RunKey> {
    const { codec, transport } = this.connection;
    const encoded = encodePayload(codec, input, {
      where: `input of workflow ${tree.name}`,
      limit: limits.payloadBytes,
    });
    const activations = await this.#rows(tree, plan);
    const { tx, ...named } = plan;
    const request: StartRequest = {
      ...named,
      // The same token in every repeat: a start that arrived without our knowing is found again, not refused.
      token: randomUUID(),
      workflow: tree.name,
      hash: tree.hash,
      input: encoded,
      replyTo: transport.replyAddress ?? null,
      activations,
    };
    const { result, dispatched } = await (tx === undefined ? this.#batch : this.#batchOf(tx)).add(request);
    if (result.kind === 'exists') return useExisting(result, tree, plan);
    await dispatched;
    return result.run;
  }

  /** Does what comes before the first run of each tree, so that it can be started where nothing else can be stored. */
  async prepare(trees: readonly Tree[]): Promise<void> {
    for (const tree of trees) for (const priority of PRIORITIES) await this.#rows(tree, { priority });
  }

  /** The rows that a run of this tree starts with. Its definition and queues are stored before the first of them. */
  #rows(tree: Tree, { priority, tx }: Pick<StartPlan, 'priority' | 'tx'>): Promise<ActivationRow[]> {
    const byPriority = this.#firstRows.get(tree) ?? new Map<Priority, Promise<ActivationRow[]>>();
    this.#firstRows.set(tree, byPriority);
    let rows = byPriority.get(priority);
    if (rows === undefined) {
      if (tx !== undefined) this.connection.assertFree(tree.name);
      rows = repeatUntilAnswered(() => this.#prepare(tree, priority));
      byPriority.set(priority, rows);
      rows.catch(() => byPriority.delete(priority));
    }
    return rows;
  }

  async #prepare(tree: Tree, priority: Priority): Promise<ActivationRow[]> {
    const { definitions, queues } = this.connection;
    await definitions.write(tree);
    return rowsFor({ workflow: tree.name, hash: tree.hash, priority }, begin(tree), queues);
  }

  /** For a transaction of the caller's. What follows from its starts is up to the workers, who hear of its commit. */
  #batchOf(tx: Tx): Batch<StartRequest, Answer> {
    let batch = this.#inTransactions.get(tx);
    if (batch === undefined) {
      batch = new Batch<StartRequest, Answer>(async (requests) => {
        const results = await this.connection.within(tx).startIn(tx, requests);
        return results.map((result) => ({ result, dispatched: Promise.resolve() }));
      });
      this.#inTransactions.set(tx, batch);
    }
    return batch;
  }

  async #send(requests: readonly StartRequest[]): Promise<Answer[]> {
    const { dispatcher, transport } = this.connection;
    const results = await repeatUntilAnswered(() => this.connection.store.start(requests));
    const started = results.filter((result) => result.kind === 'started');
    const dispatched = this.connection.dispatch(started.flatMap(({ ready }) => ready));
    const dueInMs = requests.flatMap(({ activations }, i) =>
      results[i]?.kind === 'started' ? timersOf(activations) : [],
    );
    // This process keeps no timer: a worker does.
    if (dueInMs.length > 0) transport.announce({ kind: 'timer.set', inMs: dueInMs.reduce((a, b) => Math.min(a, b)) });
    for (const { terminated } of started) {
      if (terminated === undefined) continue;
      void dispatcher.announceControl(terminated.run);
      dispatcher.announceEnd(terminated);
    }
    return results.map((result) => ({ result, dispatched }));
  }
}

function timersOf(activations: readonly ActivationRow[]): number[] {
  return activations.flatMap(({ dueInMs }) => (dueInMs === undefined ? [] : [dueInMs]));
}

function useExisting(existing: Extract<StartResult, { kind: 'exists' }>, tree: Tree, plan: StartPlan): RunKey {
  if (plan.conflict === 'use_existing' && existing.workflow === tree.name) return existing.run;
  throw new RunExistsError(plan.id, existing.workflow, existing.status);
}
