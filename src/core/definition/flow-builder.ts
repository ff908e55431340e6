/** The builder as it runs: collects steps, checks each argument where it is given. Its types are in `flow-types.ts`. */
import { type Duration, toMs } from '../duration.js';
import { InvalidDefinitionError } from '../errors.js';
import { checkName } from '../names.js';
import type { UserFunction } from '../tree.js';
import { toBody, toFlowBody } from './body.js';
import { buildTree } from './build.js';
import type { Branch, FlowOptions, LoopOptions, MapOptions, WaitOptions } from './flow-types.js';
import { type TaskOptions, toJson, toVersion } from './policy.js';
import { RouteBuilder, routeStep } from './route-builder.js';
import { isSignal, type SignalToken } from './signal.js';
import type { FlowDraft, ForkStep, RouteStep, Step } from './steps.js';
import { type AnyTask, checkFunction, isTask, type TaskFunction, task } from './task.js';
import { type Workflow, workflowOf } from './workflow.js';

const DEFAULT_ITERATIONS = 10;

export class FlowBuilder {
  readonly kind = 'flow';
  readonly name: string;

  constructor(readonly draft: FlowDraft) {
    this.name = draft.name;
  }

  // biome-ignore lint/suspicious/noThenProperty: the builder reads best so; being awaited is caught below
  then(...args: [AnyTask] | [string, TaskFunction<unknown, unknown>, TaskOptions?]): FlowBuilder {
    const [first, fn, options] = args;
    // Awaiting a flow calls this with two functions.
    if (typeof first === 'function') throw new InvalidDefinitionError('a Flow was awaited; call .build()');
    if (isTask(first)) return this.#add({ kind: 'task', task: first });
    if (typeof first === 'string')
      return this.#add({ kind: 'task', task: task(first, fn as TaskFunction<unknown, unknown>, options) });
    throw new InvalidDefinitionError(
      `then() in flow ${this.name} takes a task, or an id and a function; a flow goes into thenFlow()`,
    );
  }

  fork(branches: readonly Branch<never, unknown>[]): FlowBuilder {
    if (!Array.isArray(branches))
      throw new InvalidDefinitionError(`fork() in flow ${this.name} takes a list of branches`);
    for (const each of branches) {
      if (each?.kind !== 'branch')
        throw new InvalidDefinitionError(`fork() in flow ${this.name}: make each branch with branch(name, …)`);
    }
    return this.#add({ kind: 'fork', branches: branches.map(({ name, body }) => ({ name, body })) });
  }

  join(id: string, fn: TaskFunction<never, unknown>): FlowBuilder {
    checkName(id, 'id of a join');
    checkFunction(fn, `join ${id}`);
    const last = this.draft.steps.at(-1);
    if (last?.kind !== 'fork' || last.join !== undefined)
      throw new InvalidDefinitionError(`join ${id} must follow a fork`);
    const joined: ForkStep = { ...last, join: { id, fn: fn as UserFunction } };
    return new FlowBuilder({ ...this.draft, steps: [...this.draft.steps.slice(0, -1), joined] });
  }

  delay(id: string, duration: Duration): FlowBuilder {
    checkName(id, 'id of a delay');
    return this.#add({ kind: 'delay', id, durationMs: toMs(duration) });
  }

  waitForSignal(
    signal: SignalToken<unknown> | string,
    options: WaitOptions & { readonly timeout?: Duration | undefined } = {},
  ): FlowBuilder {
    const { id, timeout } = options;
    const { name, schema } = isSignal(signal) ? signal : { name: checkName(signal, 'name of a signal') };
    if (id !== undefined) checkName(id, `id of the wait for ${name}`);
    return this.#add({
      kind: 'signal',
      id,
      signal: name,
      ...(timeout === undefined ? {} : { timeoutMs: toMs(timeout) }),
      ...(schema === undefined ? {} : { schema }),
    });
  }

  route(...args: readonly unknown[]): RouteBuilder<FlowBuilder> {
    return new RouteBuilder(routeStep(args), (step: RouteStep) => this.#add(step));
  }

  loop(
    id: string,
    body: unknown,
    { maxIterations = DEFAULT_ITERATIONS, onMax = 'fail' }: LoopOptions = {},
  ): FlowBuilder {
    checkName(id, 'id of a loop');
    checkCount(maxIterations, `loop ${id}: maxIterations`);
    if (onMax !== 'fail' && onMax !== 'exit_with_last') {
      throw new InvalidDefinitionError(`loop ${id}: onMax must be 'fail' or 'exit_with_last'`);
    }
    return this.#add({ kind: 'loop', id, body: toBody(body, `loop ${id}`), maxIterations, onMax });
  }

  thenFlow(flow: unknown): FlowBuilder {
    return this.#add({ kind: 'child', child: toFlowBody(flow, `thenFlow() in flow ${this.name}`) });
  }

  map(id: string, body: unknown, { concurrency }: MapOptions = {}): FlowBuilder {
    checkName(id, 'id of a map');
    if (concurrency !== undefined) checkCount(concurrency, `map ${id}: concurrency`);
    return this.#add({
      kind: 'map',
      id,
      body: toBody(body, `map ${id}`),
      ...(concurrency === undefined ? {} : { concurrency }),
    });
  }

  build(): Workflow {
    return workflowOf(buildTree(this.draft));
  }

  #add(step: Step): FlowBuilder {
    return new FlowBuilder({ ...this.draft, steps: [...this.draft.steps, step] });
  }
}

export function draftOf(name: string, { version, metadata }: FlowOptions): FlowDraft {
  checkName(name, 'name of a flow');
  const checked = { version: toVersion(version, `flow ${name}`), metadata: toJson(metadata, `flow ${name}`) };
  return {
    name,
    ...(checked.version === undefined ? {} : { version: checked.version }),
    ...(checked.metadata === undefined ? {} : { metadata: checked.metadata }),
    steps: [],
  };
}

function checkCount(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidDefinitionError(`${what} must be a whole number from 1, not ${String(value)}`);
}
