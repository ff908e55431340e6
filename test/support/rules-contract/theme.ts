/** What the rules are tried on: a place where runs live, and one worker there that knows all workflows of the themes. */
import type { Baton } from '../../../src/client/baton.js';
import type { Codec } from '../../../src/core/codec.js';
import type { Workflow } from '../../../src/core/flow.js';
import type { Worker } from '../../../src/runtime/worker.js';

export interface RulesPlace {
  /** One more process. Without a namespace, in that of the others. */
  connect(options?: { readonly codec?: Codec; readonly namespace?: string }): Promise<Baton>;
  /** Everything that is stored, as a text to search in. */
  stored(): Promise<string>;
  close(): Promise<void>;
}

export interface Rules {
  /** Gives a workflow to the worker; while tests are collected, before it starts. */
  known<In, Out>(workflow: Workflow<In, Out>): Workflow<In, Out>;
  readonly place: RulesPlace;
  readonly baton: Baton;
  readonly worker: Worker;
}

/** How long a result is waited for that is on its way. */
export const soon = { timeout: '10s' };

/** For promises that tasks and tests give each other. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
