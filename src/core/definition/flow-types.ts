/**
 * The builder as the compiler sees it. Nothing but the flow's input and a signal's payload is ever written out:
 * every step takes its types from the step before.
 */
import type { Duration } from '../duration.js';
import type { Json } from '../model.js';
import type { Again, Done } from '../verdict.js';
import type { TaskOptions } from './policy.js';
import type { SignalToken } from './signal.js';
import type { FlowDraft, StepBody } from './steps.js';
import type { AnyTask, TaskFunction } from './task.js';
import type { Workflow } from './workflow.js';

/** What may stand inside a branch, loop or map: a task, a bare function, a flow, or a built workflow (in a scope of its own). */
export type Body<In, Out> = AnyTask<In, Out> | TaskFunction<In, Out> | Flow<In, Out> | Workflow<In, Out>;

/** What a flow is marked with. */
export interface FlowOptions {
  /** Part of the structure hash. 1 to 64 characters. */
  readonly version?: string | undefined;
  /** For people and for `ctx.workflowMetadata`; Baton doesn't look at it. */
  readonly metadata?: Json | undefined;
}

/** When a loop ends that is never done. */
export interface LoopOptions {
  /** Executions of the body, the first included. Default 10, at least 1. */
  readonly maxIterations?: number | undefined;
  /** What happens when the last of them says `again`: the run fails (default), or the loop ends with that value. */
  readonly onMax?: 'fail' | 'exit_with_last' | undefined;
}

/** How wide a map runs. */
export interface MapOptions {
  /** How many elements may be under way at once, at least 1. Default: all of them. */
  readonly concurrency?: number | undefined;
}

/** What a wait for a signal is called. */
export interface WaitOptions {
  /** Default: the signal's name, with `#2` and so on where it is taken. */
  readonly id?: string | undefined;
}

/** What a wait with a timeout comes to. */
export type Waited<T> = { readonly timedOut: false; readonly payload: T } | { readonly timedOut: true };

type Verdict<Next> = Again<Next> | Done<unknown>;
type DoneOf<V> = V extends Done<infer D> ? D : never;
type AgainOf<V> = V extends Again<infer A> ? A : never;
type LoopOutput<V, O> =
  | DoneOf<V>
  | ('onMax' extends keyof O ? ('exit_with_last' extends O['onMax'] ? AgainOf<V> : never) : never);
type NoOptions = Record<never, never>;
type ElementOf<List> = List extends readonly (infer Element)[] ? Element : never;

/** What the branches come to, in their order. */
type Results<Branches extends readonly unknown[]> = {
  -readonly [I in keyof Branches]: Branches[I] extends Branch<never, infer Result> ? Result : never;
};

declare const TYPES: unique symbol;

/** A branch of a fork, made by `branch()`. */
export interface Branch<in In, out Out> {
  readonly kind: 'branch';
  readonly name: string;
  /** @internal */
  readonly body: StepBody;
  /** For the compiler only. */
  readonly [TYPES]?: (input: In) => Out;
}

/**
 * A workflow under construction, whose next step's input is `Out`. Immutable: every method returns a new flow, so
 * that a prefix may be continued in several ways. `build()` checks it as a whole.
 */
export interface Flow<in In, out Out> {
  readonly kind: 'flow';
  readonly name: string;
  /** @internal */
  readonly draft: FlowDraft;
  /** For the compiler only. */
  readonly [TYPES]?: (input: In) => Out;

  /** Runs a task. */
  then<Next>(task: AnyTask<Out, Next>): Flow<In, Next>;
  then<Next>(id: string, fn: TaskFunction<Out, Next>, options?: TaskOptions): Flow<In, Next>;

  /** Runs the branches in parallel, each on the same input. The output is the tuple of theirs, in this order; `join` may turn it into something else. */
  fork<const Branches extends readonly Branch<Out, unknown>[]>(branches: Branches): Fork<In, Results<Branches>>;

  /** Waits. The input passes through. No worker and no message is held meanwhile. */
  delay(id: string, duration: Duration): Flow<In, Out>;

  /** Waits for a signal, whose payload is the output. With a timeout the output says whether it came in time. */
  waitForSignal<T = unknown>(
    signal: SignalToken<T> | string,
    options?: WaitOptions & { readonly timeout?: undefined },
  ): Flow<In, T>;
  waitForSignal<T = unknown>(
    signal: SignalToken<T> | string,
    options: WaitOptions & { readonly timeout: Duration },
  ): Flow<In, Waited<T>>;
  waitForSignal<T = unknown>(
    signal: SignalToken<T> | string,
    options?: WaitOptions & { readonly timeout?: Duration | undefined },
  ): Flow<In, T | Waited<T>>;

  /**
   * Picks one branch. `key` is called with the input and returns one of `keys`, each of which needs its branch,
   * unless there is a default branch; that one takes keys that aren't listed as well.
   */
  route<const Key extends string, Returned extends string>(
    key: (input: Out) => Returned,
    keys: readonly Key[],
  ): Route<In, Out, Key, Returned>;
  route<const Key extends string, Returned extends string>(
    id: string,
    key: (input: Out) => Returned,
    keys: readonly Key[],
  ): Route<In, Out, Key, Returned>;

  /** Runs the body until it returns `LoopResult.done(value)`; after `LoopResult.again(value)` it runs again with that value. */
  loop<V extends Verdict<Out>, const O extends LoopOptions = NoOptions>(
    id: string,
    body: Body<Out, V>,
    options?: O,
  ): Flow<In, LoopOutput<V, O>>;
  loop<BodyIn, V extends Verdict<BodyIn>, const O extends LoopOptions = NoOptions>(
    id: string,
    body: Body<BodyIn, V> & Body<Out, unknown>,
    options?: O,
  ): Flow<In, LoopOutput<V, O>>;

  /** Runs another flow in a scope of its own: its ids become `name/id`, in a second use `name#2/id`. */
  thenFlow<Next>(flow: Flow<Out, Next> | Workflow<Out, Next>): Flow<In, Next>;

  /** Runs the body for each element of the input, a list, in parallel. The output is the list of results, in order. */
  map<Next>(
    this: Flow<In, readonly unknown[]>,
    id: string,
    body: Body<ElementOf<Out>, Next>,
    options?: MapOptions,
  ): Flow<In, Next[]>;

  /** Checks the whole and makes the workflow. Throws InvalidDefinitionError. */
  build(): Workflow<In, Out>;
}

/** A flow that ends in a fork: its output is the tuple, unless `join` follows. */
export interface Fork<in In, out Outs extends readonly unknown[]> extends Flow<In, Outs> {
  /** Makes one value of the tuple. */
  join<Next>(id: string, fn: TaskFunction<Outs, Next>): Flow<In, Next>;
}

export interface RouteOutput<Key extends string, Result> {
  readonly branch: Key;
  readonly result: Result;
}

/** A default branch's output, under whatever keys have no branch. */
type DefaultOutput<Keys extends string, Default> = [Default] extends [readonly [infer Result]]
  ? [Keys] extends [never]
    ? never
    : RouteOutput<Keys, Result>
  : never;

/**
 * Whether every key has its branch, or a default takes it. Where keys are just strings, the listed ones are checked
 * by `build()`, and the returned ones at run time.
 */
type IsComplete<Missing extends string, Unlisted extends string, Default> = [Default] extends [readonly [unknown]]
  ? true
  : [Literal<Missing> | Literal<Unlisted>] extends [never]
    ? true
    : false;
type Literal<Key extends string> = string extends Key ? never : Key;

/** A route under construction. `Missing` and `Unlisted` are the listed and the returned keys without a branch. */
export type Route<In, Input, Key extends string, Returned extends string> = RouteStep<
  In,
  Input,
  Key,
  string extends Returned ? Returned : Exclude<Returned, Key>,
  never,
  undefined
>;

type RouteStep<In, Input, Missing extends string, Unlisted extends string, Out, Default> = RouteBranches<
  In,
  Input,
  Missing,
  Unlisted,
  Out,
  Default
> &
  (IsComplete<Missing, Unlisted, Default> extends true
    ? RouteEnd<In, Out | DefaultOutput<Missing | Unlisted, Default>>
    : unknown);

interface RouteBranches<In, Input, Missing extends string, Unlisted extends string, Out, Default> {
  /** What runs where the key is this one. */
  branch<K extends Missing, Result>(
    key: K,
    body: Body<Input, Result>,
  ): RouteStep<In, Input, Exclude<Missing, K>, Unlisted, Out | RouteOutput<K, Result>, Default>;
  /** What runs where the key has no branch. */
  defaultBranch<Result>(body: Body<Input, Result>): RouteStep<In, Input, Missing, Unlisted, Out, readonly [Result]>;
}

interface RouteEnd<In, Out> {
  /** Ends the route; its output is `{ branch, result }`. */
  done(): Flow<In, Out>;
}
