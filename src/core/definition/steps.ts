/** What a flow holds before it is built: steps as they were written, without the ids that only the whole can give. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Json } from '../model.js';
import type { Tree, UserFunction } from '../tree.js';
import type { AnyTask } from './task.js';

export interface FlowDraft {
  readonly name: string;
  readonly version?: string;
  readonly metadata?: Json;
  readonly steps: readonly Step[];
}

/** What stands inside a node. Of these only a workflow has a scope of ids of its own. */
export type StepBody =
  | { readonly kind: 'task'; readonly task: AnyTask }
  | { readonly kind: 'function'; readonly fn: UserFunction }
  | { readonly kind: 'flow'; readonly draft: FlowDraft }
  | { readonly kind: 'workflow'; readonly tree: Tree };

export type Step = TaskStep | ForkStep | RouteStep | LoopStep | DelayStep | SignalStep | ChildStep | MapStep;

export interface TaskStep {
  readonly kind: 'task';
  readonly task: AnyTask;
}

export interface ForkStep {
  readonly kind: 'fork';
  readonly branches: readonly { readonly name: string; readonly body: StepBody }[];
  readonly join?: { readonly id: string; readonly fn: UserFunction };
}

export interface RouteStep {
  readonly kind: 'route';
  readonly id: string | undefined;
  readonly key: UserFunction;
  readonly keys: readonly string[];
  readonly branches: readonly { readonly key: string; readonly body: StepBody }[];
  readonly otherwise: StepBody | undefined;
}

export interface LoopStep {
  readonly kind: 'loop';
  readonly id: string;
  readonly body: StepBody;
  readonly maxIterations: number;
  readonly onMax: 'fail' | 'exit_with_last';
}

export interface DelayStep {
  readonly kind: 'delay';
  readonly id: string;
  readonly durationMs: number;
}

export interface SignalStep {
  readonly kind: 'signal';
  readonly id: string | undefined;
  readonly signal: string;
  readonly timeoutMs?: number;
  readonly schema?: StandardSchemaV1;
}

export interface ChildStep {
  readonly kind: 'child';
  readonly child: Extract<StepBody, { kind: 'flow' | 'workflow' }>;
}

export interface MapStep {
  readonly kind: 'map';
  readonly id: string;
  readonly body: StepBody;
  readonly concurrency?: number;
}
