/** `baton worker MODULE…` */
import type { Command } from 'commander';
import { OK } from '../exit-codes.js';
import { loadWorkflows } from '../load-module.js';
import { integer } from '../numbers.js';
import { type Run, type SharedOptions, withBaton } from '../session.js';
import { workerLog } from '../worker-log.js';

interface Options extends SharedOptions {
  readonly concurrency?: number;
  readonly tags?: string;
  readonly id?: string;
}

export function addWorker(program: Command, run: Run): void {
  program
    .command('worker <module...>')
    .description(
      'run the workflows of these modules until SIGTERM or SIGINT; a second one forces, a third exits at once',
    )
    .option('--concurrency <n>', 'tasks at a time (default: 10)', integer('--concurrency'))
    .option('--tags <a,b>', 'take tagged tasks only where all their tags are among these (default: take all)')
    .option('--id <id>', 'its name in logs and descriptions (default: host, process and number)')
    .action(
      run<[string[]], Options>(async (io, options, modules) => {
        const { concurrency, tags, id, verbose = false } = options;
        const workflows = await loadWorkflows(modules, io.cwd);
        const logger = await workerLog(io, verbose);
        return withBaton(
          options,
          io,
          async (baton) => {
            const worker = baton.worker({
              workflows,
              handleSignals: true,
              ...(concurrency === undefined ? {} : { concurrency }),
              ...(tags === undefined
                ? {}
                : {
                    tags: tags
                      .split(',')
                      .map((tag) => tag.trim())
                      .filter(Boolean),
                  }),
              ...(id === undefined ? {} : { id }),
            });
            await worker.start();
            logger.info({ worker: worker.id, workflows: workflows.map(({ name }) => name) }, 'worker running');
            await worker.finished;
            return OK;
          },
          logger,
        );
      }),
    );
}
