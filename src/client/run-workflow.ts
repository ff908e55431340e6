/**
 * A workflow in this process, in memory, without services: the worker's own engine over a store and queues that
 * vanish with the run. For tests, scripts, and trying things out; nothing survives the process.
 */
import { ConfigError, LeaseLostError, RunCancelledError, RunFailedError, RunTerminalError } from '../core/errors.js';
import type { Workflow } from '../core/flow.js';
import { type Sequence, sequencesOf, type Tree } from '../core/tree.js';
import type { Engine } from '../runtime/engine.js';
import { ClosedError } from './connection.js';
import { RunHandle } from './handle.js';
import { discard, inMemory } from './in-memory.js';
import { Starter } from './start.js';
import { planStart } from './start-options.js';

/** How to end `runWorkflow()` early. */
export interface RunWorkflowOptions {
  /** Aborting it cancels the run: tasks at work get their AbortSignal, and RunCancelledError is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Resolves with the workflow's output; delays and back-offs take the time they say. Rejects with RunFailedError,
 * RunCancelledError, with CodecError or PayloadTooLargeError for the input, and with ConfigError when the run waits
 * for a signal without a timeout, which nobody could send. Leaves nothing running.
 */
export async function runWorkflow<In, Out>(
  workflow: Workflow<In, Out>,
  input: NoInfer<In>,
  { signal }: RunWorkflowOptions = {},
): Promise<Out> {
  const plan = planStart();
  if (signal?.aborted) throw new RunCancelledError(plan.id, reasonOf(signal));
  const memory = inMemory({ workflows: [workflow], id: 'runWorkflow' });
  const { connection, engine } = memory;
  let ended: Error = new LeaseLostError('the run has ended');
  try {
    await engine.define();
    await engine.register();
    await engine.consume();
    const run = await new Starter(connection).start(workflow.tree, input, plan);
    return await followed(new RunHandle<Out>(connection, plan.id, { run }), engine, workflow.tree, signal);
  } catch (error) {
    if (error instanceof RunCancelledError || error instanceof RunFailedError) ended = error;
    throw error;
  } finally {
    await discard(memory, ended);
  }
}

/** The run's result, unless it is cancelled from outside, or waits for what can't come. */
async function followed<Out>(
  handle: RunHandle<Out>,
  engine: Engine,
  tree: Tree,
  signal: AbortSignal | undefined,
): Promise<Out> {
  const hopeless = new AbortController();
  const cancel = () => handle.cancel({ reason: reasonOf(signal) }).catch(endedAlready);
  const look = async () => {
    const wait = await hopelessWait(handle);
    if (wait === undefined) return;
    hopeless.abort(wait);
    await handle.cancel();
  };
  const unsubscribe = engine.on('phase', (_message, phase) => {
    if (phase === 'settled') look().catch(endedAlready);
  });
  if (!waitsWithoutEnd(tree.root)) unsubscribe();
  else look().catch(endedAlready);
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) void cancel();
  try {
    return await handle.result();
  } catch (error) {
    throw hopeless.signal.aborted ? hopeless.signal.reason : error;
  } finally {
    unsubscribe();
    signal?.removeEventListener('abort', cancel);
  }
}

/** Nobody can send a signal to this run: once nothing else can move it, it would wait for ever. */
async function hopelessWait(handle: RunHandle): Promise<ConfigError | undefined> {
  const status = await handle.status();
  if (status.status !== 'awaiting_signal') return undefined;
  const { nodes } = await handle.describe();
  if (nodes.some(({ dueAt }) => dueAt !== undefined)) return undefined;
  return new ConfigError(
    `${status.node} waits for signal ${status.signal}, which nobody can send to runWorkflow(); give it a timeout, or connect() to services`,
  );
}

function waitsWithoutEnd(sequence: Sequence): boolean {
  return sequence.some(
    (node) => (node.kind === 'signal' && node.timeoutMs === undefined) || sequencesOf(node).some(waitsWithoutEnd),
  );
}

/** The run was faster: its result says how it ended. */
function endedAlready(error: unknown): void {
  if (!(error instanceof RunTerminalError || error instanceof ClosedError)) throw error;
}

function reasonOf(signal: AbortSignal | undefined): string {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason.message : String(reason);
}
