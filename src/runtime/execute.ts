/**
 * Runs one leased activation and answers with one outcome. Return, throw, timeout and abort all become values
 * here; whatever rejects from here is infrastructure, not the task.
 */

import { isGate } from '../core/advance.js';
import { encodePayload } from '../core/codec.js';
import {
  CodecError,
  MapInputError,
  NonRetryableError,
  PayloadTooLargeError,
  RetryAfterError,
  TaskTimeoutError,
  UnmatchedRouteError,
  ValidationError,
} from '../core/errors.js';
import type { TaskContext, Tx } from '../core/flow.js';
import { decodeRecipe } from '../core/recipe.js';
import type { ForkNode, MapNode, RouteNode, SignalNode, TaskNode } from '../core/tree.js';
import { validate } from '../core/validate.js';
import { Alarm } from './alarm.js';
import { runInContext } from './context.js';
import { limits } from './limits.js';
import type { Execution, Outcome } from './outcome.js';
import { inTransaction } from './transaction.js';
import { readValue } from './values.js';

export async function execute(execution: Execution): Promise<Outcome> {
  const { node, activation } = execution;
  try {
    if (isGate(activation.path)) return { kind: 'opened', output: activation.bytes ?? new Uint8Array() };
    switch (node.kind) {
      case 'task':
        return await executeTask(execution, node);
      case 'fork':
        return await executeJoin(execution, node);
      case 'route':
        return await executeRoute(execution, node);
      case 'signal':
        return await executeSignal(execution, node);
      case 'map':
        return await executeMap(execution, node);
      case 'delay':
        return await passOn(execution);
      case 'loop':
      case 'child':
        throw new RangeError(`a ${node.kind} has no activation of its own`);
    }
  } catch (error) {
    // Reading gives up only when the lease does; then nothing is the task's fault.
    return execution.control.aborted ? { kind: 'aborted', reason: execution.control.reason } : failed(error);
  }
}

async function executeTask(execution: Execution, node: TaskNode): Promise<Outcome> {
  const { policy } = node;
  const input = await inputOf(execution);
  const run = (...tx: [] | [Tx]) =>
    attempt(execution, policy.timeoutMs, async (context) => {
      const accepted = policy.input ? await validate(policy.input, input, `input of task ${node.id}`) : input;
      const fn = node.fn as (input: unknown, ...more: unknown[]) => unknown;
      const returned = await fn(accepted, ...tx, context);
      const output = policy.output ? await validate(policy.output, returned, `output of task ${node.id}`) : returned;
      return completed(execution, output);
    });
  return node.transactional ? inTransaction(execution, run) : run();
}

async function executeJoin(execution: Execution, node: ForkNode): Promise<Outcome> {
  const { join } = node;
  if (join === undefined) return { kind: 'completed', value: undefined, recipe: ['gather', execution.activation.path] };
  const tuple = await inputOf(execution);
  return attempt(execution, undefined, async (context) => {
    const fn = join.fn as (tuple: unknown, context: TaskContext) => unknown;
    return completed(execution, await fn(tuple, context));
  });
}

async function executeRoute(execution: Execution, node: RouteNode): Promise<Outcome> {
  const input = await inputOf(execution);
  return attempt(execution, undefined, async () => {
    const key = String(await (node.key as (input: unknown) => unknown)(input));
    const listed = node.branches.findIndex((branch) => branch.key === key);
    if (listed < 0 && node.otherwise === undefined) throw new UnmatchedRouteError(node.id, key);
    return { kind: 'routed', branch: listed < 0 ? node.branches.length : listed, output: encode(execution, key) };
  });
}

async function executeSignal(execution: Execution, node: SignalNode): Promise<Outcome> {
  const { activation } = execution;
  const [kind] = decodeRecipe(activation.source, activation.recipe);
  if (kind === 'timedOut') return completed(execution, { timedOut: true });
  const sent = await inputOf(execution);
  return attempt(execution, undefined, async () => {
    const payload = node.schema ? await validate(node.schema, sent, `payload of signal ${node.signal}`) : sent;
    return completed(execution, node.timeoutMs === undefined ? payload : { timedOut: false, payload });
  });
}

async function executeMap(execution: Execution, node: MapNode): Promise<Outcome> {
  const { activation } = execution;
  if (activation.pending === 0) return { kind: 'completed', value: undefined, recipe: ['gather', activation.path] };
  const list = await inputOf(execution);
  if (!Array.isArray(list)) throw new MapInputError(node.id, list);
  return { kind: 'listed', list };
}

async function passOn(execution: Execution): Promise<Outcome> {
  const recipe = decodeRecipe(execution.activation.source, execution.activation.recipe);
  return { kind: 'completed', recipe, value: execution.looksAtValue ? await inputOf(execution) : undefined };
}

function inputOf({ reader, activation }: Execution): Promise<unknown> {
  const recipe = decodeRecipe(activation.source, activation.recipe);
  return readValue(reader, activation.run, { recipe, bytes: activation.bytes });
}

function completed(execution: Execution, value: unknown): Outcome {
  return { kind: 'completed', value, recipe: ['output', execution.activation.path], output: encode(execution, value) };
}

function encode({ reader, context }: Execution, value: unknown): Uint8Array {
  return encodePayload(reader.codec, value, { where: `output of ${context.taskId}`, limit: limits.payloadBytes });
}

/** Runs a function of the user's until it settles, its time is up, or the lease is gone: whichever comes first. */
async function attempt(
  execution: Execution,
  timeoutMs: number | undefined,
  run: (context: TaskContext) => Promise<Outcome>,
): Promise<Outcome> {
  const { control, context } = execution;
  const timeout = new AbortController();
  const signal = timeoutMs === undefined ? control : AbortSignal.any([control, timeout.signal]);
  const alarm =
    timeoutMs === undefined
      ? undefined
      : new Alarm(timeoutMs, () => timeout.abort(new TaskTimeoutError(context.taskId, timeoutMs)));
  const ended = new Promise<Outcome>((resolve) => {
    const onAbort = () => resolve(aborted(control, timeout.signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const taskContext = contextOf(execution, signal);
    const settled = runInContext(taskContext, async () => {
      const outcome = await run(taskContext).catch(failed);
      // A task that held up the event loop returns before any timer can say that its time is over.
      return alarm?.ringIfDue() ? ended : outcome;
    });
    return await Promise.race([settled, ended]);
  } finally {
    alarm?.clear();
  }
}

// Context objects are handed to users: getters and all stay as they are, the signal is this attempt's.
function contextOf(execution: Execution, signal: AbortSignal): TaskContext {
  return Object.defineProperty(execution.context as TaskContext, 'signal', {
    value: signal,
    enumerable: true,
    configurable: true,
  });
}

function aborted(control: AbortSignal, timeout: AbortSignal): Outcome {
  if (control.aborted) return { kind: 'aborted', reason: control.reason };
  return { kind: 'failed', error: timeout.reason, final: false, timedOut: true };
}

/** Errors that a repetition can't mend. */
const FINAL = [
  NonRetryableError,
  ValidationError,
  CodecError,
  PayloadTooLargeError,
  UnmatchedRouteError,
  MapInputError,
];

function failed(error: unknown): Outcome {
  const final = FINAL.some((type) => error instanceof type);
  const after = error instanceof RetryAfterError ? { retryAfterMs: error.delayMs } : {};
  return { kind: 'failed', error, final, timedOut: false, ...after };
}
