/** Workflows with tasks that write through the store's own transaction. */
import { ConfigError } from '../core/errors.js';
import type { Workflow } from '../core/flow.js';

export const hasTransactions = (workflows: readonly Workflow[]): boolean =>
  workflows.some((workflow) => workflow.nodes().some(({ transactional }) => transactional));

/** Throws a ConfigError that names the first such task. */
export function refuseTransactions(workflows: readonly Workflow[]): void {
  for (const workflow of workflows) {
    const node = workflow.nodes().find(({ transactional }) => transactional);
    if (node === undefined) continue;
    throw new ConfigError(
      `task ${node.id} of workflow ${workflow.name} is transactional, and there are no transactions in memory; connect to Postgres or with embedded: true, or use task()`,
    );
  }
}
