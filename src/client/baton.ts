/** A connection as its user sees it: start, find and list runs, and make workers. */
import { RunNotFoundError } from '../core/errors.js';
import type { Workflow } from '../core/flow.js';
import type { Tree } from '../core/tree.js';
import type { Health } from '../runtime/health.js';
import type { Inspected } from '../runtime/inspection.js';
import { Worker, type WorkerServices } from '../runtime/worker.js';
import type { WorkerOptions } from '../runtime/worker-options.js';
import type { Connection } from './connection.js';
import { WorkflowNotFoundError } from './definitions.js';
import { type Diagnosis, diagnose } from './diagnose.js';
import { RunHandle } from './handle.js';
import { checkHealth } from './health.js';
import { type ListFilter, listRuns, type RunSummary } from './list.js';
import { Starter } from './start.js';
import { checkId, planStart, type StartOptions } from './start-options.js';

/** What all runs of one `startMany` have in common, and how each is named. */
export interface StartManyOptions<In = unknown> extends Omit<StartOptions, 'id'> {
  /** Names each run by its input; see StartOptions. @default a UUID of version 7 each */
  readonly id?: (input: In, index: number) => string;
}

/** A connection to Postgres and RabbitMQ, made by `connect()`. One per process is enough; `close()` it in the end. */
export class Baton {
  readonly #connection: Connection;
  readonly #starter: Starter;
  readonly #workers = new Set<Worker>();
  #closing: Promise<void> | undefined;

  /** @internal Use `connect()`. */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.#starter = new Starter(connection);
  }

  /**
   * Starts a run: of a workflow, or by name of the newest structure that is stored under it. Once it resolves,
   * nothing loses the run. While RabbitMQ is away starts are accepted all the same.
   *
   * Rejects with RunExistsError (see `conflict`), ConfigError, CodecError, PayloadTooLargeError (1 MiB), or with a
   * ConnectionError when Postgres hasn't answered for 10 s; whether it started is unknown then, and a start of the
   * same id tells.
   */
  start<In, Out>(workflow: Workflow<In, Out>, input: NoInfer<In>, options?: StartOptions): Promise<RunHandle<Out>>;
  start(workflow: string, input: unknown, options?: StartOptions): Promise<RunHandle>;
  async start(workflow: Workflow | string, input: unknown, options?: StartOptions): Promise<RunHandle> {
    const plan = planStart(options);
    const tree = await this.#treeOf(workflow, plan);
    const run = await this.#starter.start(tree, input, plan);
    return new RunHandle(this.#connection, plan.id, { run });
  }

  /**
   * Starts a run for each input; they share statements, so thousands are fine. The handles come in order of the
   * inputs. When one is refused the others start all the same; it rejects with the error of the first refused.
   */
  async startMany<In, Out>(
    workflow: Workflow<In, Out>,
    inputs: readonly NoInfer<In>[],
    { id, ...shared }: StartManyOptions<NoInfer<In>> = {},
  ): Promise<RunHandle<Out>[]> {
    const plans = inputs.map((input, i) => planStart({ ...shared, ...(id === undefined ? {} : { id: id(input, i) }) }));
    const tree = await this.#treeOf(workflow, shared);
    const started = await Promise.allSettled(plans.map((plan, i) => this.#starter.start(tree, inputs[i], plan)));
    return started.map((result, i) => {
      if (result.status === 'rejected') throw result.reason;
      return new RunHandle<Out>(this.#connection, (plans[i] as { id: string }).id, { run: result.value });
    });
  }

  /**
   * The run that has the id when the handle is first used; RunNotFoundError then, if there is none. With the
   * workflow the output is typed, and a run of another one is refused with DefinitionMismatchError.
   */
  run(id: string): RunHandle;
  run<In, Out>(workflow: Workflow<In, Out>, id: string): RunHandle<Out>;
  run(...args: [string] | [Workflow, string]): RunHandle {
    const [workflow, id] = args.length === 1 ? [undefined, args[0]] : args;
    checkId(id, 'the id of a run');
    return new RunHandle(this.#connection, id, workflow === undefined ? {} : { workflow: workflow.name });
  }

  /** Runs, newest first, read a page at a time while you iterate. Ended runs that gave their id away are in it too. */
  list(filter?: ListFilter): AsyncIterable<RunSummary> {
    return listRuns(this.#connection, filter);
  }

  /** @internal The structure of a run, to draw it by; undefined where nobody stored it. */
  structure(run: { readonly workflow: string; readonly hash: string }): Promise<Tree | undefined> {
    return this.#connection.definitions.of(run);
  }

  /** @internal Why a run, or anything at all, isn't moving. */
  async diagnose(id?: string): Promise<Diagnosis> {
    if (id === undefined) return diagnose(this.#connection);
    const run = await this.#connection.store.findRun(id);
    if (run === undefined) throw new RunNotFoundError(id);
    return diagnose(this.#connection, run.run);
  }

  /**
   * A worker on this connection; `start()` it. Throws a ConfigError on options or workflows that it can't run.
   *
   * @param own what a supervised process adds; not for users
   */
  worker(options: WorkerOptions, own: Pick<WorkerServices, 'monitor'> = {}): Worker {
    const { store, transport, queues, dispatcher, codec, logger, namespace, inspection } = this.#connection;
    const services = { store, transport, queues, dispatcher, codec, logger, namespace, ...own };
    const prepare = (trees: readonly Tree[]) => this.#starter.prepare(trees);
    const worker = new Worker(options, {
      ...services,
      ...(store.transactions === 'exclusive' ? { prepare } : {}),
      ...(inspection === undefined ? {} : { inspection, routes: inspection.routes() }),
    });
    this.#workers.add(worker);
    return worker;
  }

  /** @internal How this process is, for whoever supervises it. */
  get inspected(): Inspected | undefined {
    return this.#connection.inspection;
  }

  /** Asks the services now. */
  async health(): Promise<Health> {
    return checkHealth(this.#connection);
  }

  /**
   * Stops the workers that were made here, gracefully, then closes the connections. Whoever waits for a result
   * gets a ClosedError. Calling it again returns the same promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // How a worker ended is told by its own `finished`.
    await Promise.allSettled([...this.#workers].map((worker) => worker.stop({ reason: 'close()' })));
    await this.#connection.close();
  }

  async #treeOf(workflow: Workflow | string, { tx }: Pick<StartOptions, 'tx'>): Promise<Tree> {
    this.#connection.assertOpen(tx);
    if (typeof workflow !== 'string') return workflow.tree;
    const tree = await this.#connection.definitions.newest(workflow);
    if (tree === undefined) throw new WorkflowNotFoundError(workflow);
    return tree;
  }
}
