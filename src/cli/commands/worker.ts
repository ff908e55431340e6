/** `baton worker MODULE…` */
import { type Command, Option } from 'commander';
import { parseHttp } from '../../runtime/http/http-options.js';
import type { Worker } from '../../runtime/worker.js';
import { WorkerStoppedError } from '../../runtime/worker-errors.js';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { inspector } from '../inspector.js';
import { loadWorkflows } from '../load-module.js';
import { type Run, withBaton } from '../session.js';
import { type SupervisedOptions, supervise, supervisedBy } from '../supervise.js';
import { integer } from '../values.js';
import { workerLog } from '../worker-log.js';

interface Options extends SupervisedOptions {
  readonly concurrency?: number;
  readonly tags?: readonly string[];
  readonly id?: string;
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
    .option(
      '--inspect',
      'show what goes on at /inspect there (default: at a free port of this machine, which is logged)',
    )
    .option('--processes <n>', 'so many processes, under a supervisor (default: one)', integer('--processes'))
    .addOption(new Option('--supervised <index>').argParser(integer('--supervised')).hideHelp())
    .summary('run the workflows of these modules')
    .addHelpText(
      'after',
      examples(
        'baton worker order.mjs mail.mjs --concurrency 50 --tags gpu,eu',
        'baton worker order.mjs --processes 4 --http :9090',
      ),
    )
    .action(
      run<[string[]], Options>(async (io, options, modules) => {
        if (options.processes !== undefined && options.supervised === undefined) return supervise(io, options);
        const end = supervisedBy(io, options);
        const { concurrency, tags, inspect } = options;
        const id = nameOf(options);
        const http = end === undefined ? (options.http ?? (inspect && { port: 0 })) : undefined;
        const workflows = await loadWorkflows(modules, io.cwd);
        const logger = await workerLog(io, options);
        return withBaton(
          options,
          io,
          async (baton) => {
            const worker = baton.worker(
              {
                workflows,
                handleSignals: true,
                ...(concurrency === undefined ? {} : { concurrency }),
                ...(tags === undefined ? {} : { tags }),
                ...(id === undefined ? {} : { id }),
                ...(http === undefined ? {} : { http }),
              },
              end === undefined ? {} : { monitor: (watched) => end.monitor(watched) },
            );
            end?.attach(worker);
            if (baton.inspected !== undefined) end?.show(baton.inspected);
            if (await started(worker)) {
              logger.info({ worker: worker.id, workflows: workflows.map(({ name }) => name) }, 'worker running');
              if (inspect && worker.http) logger.info({ url: `${worker.http.url}/inspect` }, 'inspector');
            }
            await worker.finished;
            return OK;
          },
          logger,
          inspect && (await inspector(logger)),
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

/** Processes that share a command line don't share a name. */
function nameOf({ id, supervised }: Options): string | undefined {
  return id !== undefined && supervised !== undefined ? `${id}-${supervised}` : id;
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
}
