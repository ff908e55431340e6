/** `baton worker MODULE…` */
import type { Command } from 'commander';
import { type HttpOptions, parseHttp } from '../../runtime/http/http-options.js';
import type { Worker } from '../../runtime/worker.js';
import { WorkerStoppedError } from '../../runtime/worker-errors.js';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { loadWorkflows } from '../load-module.js';
import { type Run, type SharedOptions, withBaton } from '../session.js';
import { integer } from '../values.js';
import { workerLog } from '../worker-log.js';

interface Options extends SharedOptions {
  readonly concurrency?: number;
  readonly tags?: readonly string[];
  readonly id?: string;
  readonly http?: HttpOptions;
}

export function addWorker(program: Command, run: Run): void {
  program
    .command('worker <module...>')
    .description(
      'run the workflows of these modules until SIGTERM or SIGINT; a second one forces, a third exits at once',
    )
    .option('--concurrency <n>', 'tasks at a time (default: 10)', integer('--concurrency'))
    .option('--tags <a,b>', 'take tagged tasks only where all their tags are among these (default: take all)', listed)
    .option('--id <id>', 'its name in logs and descriptions (default: host, process and number)')
    .option('--http <address>', 'answer probes and metrics there, such as :9090 (default: nowhere)', parseHttp)
    .summary('run the workflows of these modules')
    .addHelpText(
      'after',
      examples('baton worker order.mjs', 'baton worker order.mjs mail.mjs --concurrency 50 --tags gpu,eu'),
    )
    .action(
      run<[string[]], Options>(async (io, options, modules) => {
        const { concurrency, tags, id, http } = options;
        const workflows = await loadWorkflows(modules, io.cwd);
        const logger = await workerLog(io, options);
        return withBaton(
          options,
          io,
          async (baton) => {
            const worker = baton.worker({
              workflows,
              handleSignals: true,
              ...(concurrency === undefined ? {} : { concurrency }),
              ...(tags === undefined ? {} : { tags }),
              ...(id === undefined ? {} : { id }),
              ...(http === undefined ? {} : { http }),
            });
            if (await started(worker)) {
              logger.info({ worker: worker.id, workflows: workflows.map(({ name }) => name) }, 'worker running');
            }
            await worker.finished;
            return OK;
          },
          logger,
        );
      }),
    );
}

/** False when it was told to stop before it ran: `finished` says how that went. */
async function started(worker: Worker): Promise<boolean> {
  try {
    await worker.start();
    return true;
  } catch (error) {
    if (error instanceof WorkerStoppedError) return false;
    throw error;
  }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
}
