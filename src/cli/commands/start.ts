/** `baton start WORKFLOW` */
import type { Command } from 'commander';
import { WorkflowNotFoundError } from '../../client/definitions.js';
import type { StartOptions } from '../../client/start-options.js';
import type { Workflow } from '../../core/flow.js';
import type { Priority } from '../../core/model.js';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { readJson } from '../input.js';
import { loadWorkflows } from '../load-module.js';
import { type Run, type SharedOptions, say, withBaton } from '../session.js';
import { integer } from '../values.js';
import { tellOutcome } from './outcome.js';

interface Options extends SharedOptions {
  readonly module?: string;
  readonly input?: string;
  readonly id?: string;
  readonly conflict?: NonNullable<StartOptions['conflict']>;
  readonly priority?: Priority;
  readonly wait?: boolean;
}

export function addStart(program: Command, run: Run): void {
  program
    .command('start <workflow>')
    .description('start a run and print its id')
    .option('--module <file>', 'the module that exports the workflow (default: as it is stored in the database)')
    .option('--input <json>', "the run's input: JSON, @file, or - for standard input")
    .option('--id <id>', 'names the run (default: a new UUID)')
    .option('--conflict <policy>', 'when a run has the id: fail, use_existing or terminate_existing')
    .option('--priority <n>', '1 (critical) to 5 (minimal)', integer('--priority'))
    .option('--wait', 'wait for its end and print what it came to')
    .addHelpText(
      'after',
      examples(`baton start order --id A-1 --input '{"id":"A-1"}'`, 'baton start order --input @order.json --wait'),
    )
    .action(
      run<[string], Options>(async (io, options, name) => {
        const { module, input, id, conflict, priority, wait } = options;
        const value = input === undefined ? undefined : await readJson(input, '--input', io);
        const workflow = module === undefined ? name : find(await loadWorkflows([module], io.cwd), name);
        const given = {
          ...(id === undefined ? {} : { id }),
          ...(conflict === undefined ? {} : { conflict }),
          ...(priority === undefined ? {} : { priority }),
        };
        return withBaton(options, io, async (baton) => {
          const handle = await (typeof workflow === 'string'
            ? baton.start(workflow, value, given)
            : baton.start(workflow, value, given));
          if (wait) return tellOutcome(handle, options, io);
          say(options, io, { id: handle.id }, handle.id);
          return OK;
        });
      }),
    );
}

function find(workflows: readonly Workflow[], name: string): Workflow {
  const found = workflows.find((workflow) => workflow.name === name);
  if (found === undefined)
    throw new WorkflowNotFoundError(
      name,
      workflows.map((workflow) => workflow.name),
    );
  return found;
}
