/** `baton worker MODULE…` */
import { type Command, Option } from 'commander';
import { parseHttp } from '../../runtime/http/http-options.js';
import type { Worker } from '../../runtime/worker.js';
import { WorkerStoppedError } from '../../runtime/worker-errors.js';
import { EarlySignals } from '../early-signals.js';
import { OK } from '../exit-codes.js';
import { examples } from '../help.js';
import { inspector } from '../inspector.js';
import type { Io } from '../io.js';
import { loadModules } from '../load-module.js';
import { type Run, withBaton } from '../session.js';
import { type SupervisedOptions, supervise, supervisedBy } from '../supervise.js';
import { integer } from '../values.js';
import { workerLog } from '../worker-log.js';
import { listed, readChanges, readOptions, type SettingsSources } from '../worker-settings.js';

interface Options extends SupervisedOptions {
  readonly concurrency?: number;
  readonly tags?: readonly string[];
  readonly id?: string;
  readonly config?: string;
}

export function addWorker(program: Command, run: Run): void {
  program
    .command('worker <module...>')
    .description('run the workflows of these modules until SIGTERM or SIGINT says stop')
    .option('--concurrency <n>', 'tasks at a time (default: 10)', integer('--concurrency'))
    .option('--tags <a,b>', 'take tagged tasks only where all their tags are among these (default: take all)', listed)
    .option('--id <id>', 'its name in logs and descriptions (default: host, process and number)')
    .option('--http <address>', 'answer probes and metrics there, such as :9090 (default: nowhere)', parseHttp)
    .option('--inspect', 'show what goes on at /inspect there (default: at a free port)')
    .option('--config <file>', 'more options, as JSON; read again on SIGHUP')
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
        const signals = new EarlySignals();
        try {
          return await work(await sourcesOf(io, options, modules), io, options, signals);
        } finally {
          signals.release();
        }
      }),
    );
}

async function sourcesOf(io: Io, options: Options, modules: readonly string[]): Promise<SettingsSources> {
  const { concurrency, tags, id, inspect, config, supervised } = options;
  // The supervisor answers for all of its processes.
  const http = supervised === undefined ? options.http : false;
  const given = Object.entries({ concurrency, tags, id, http }).filter(([, value]) => value !== undefined);
  const { workflows, worker } = await loadModules(modules, io.cwd);
  // An inspector has to be somewhere, if nobody says where.
  const atLeast = inspect ? { http: { port: 0 }, ...worker } : worker;
  return { modules: { workflows, worker: atLeast }, file: config, given: Object.fromEntries(given), supervised, io };
}

async function work(sources: SettingsSources, io: Io, shared: Options, signals: EarlySignals): Promise<number> {
  const end = supervisedBy(io, shared);
  const options = await readOptions(sources);
  const logger = await workerLog(io, shared);
  return withBaton(
    shared,
    io,
    async (baton) => {
      const worker = baton.worker(
        { ...options, handleSignals: { reload: () => readChanges(sources) } },
        end === undefined ? {} : { monitor: (watched) => end.monitor(watched) },
      );
      end?.attach(worker);
      if (baton.inspected !== undefined) end?.show(baton.inspected);
      if (signals.stopped !== undefined) return OK;
      const starting = started(worker);
      // The worker has its own by now.
      signals.release();
      if (await starting) {
        const workflows = options.workflows.map(({ name }) => name);
        logger.info({ worker: worker.id, workflows }, 'worker running');
        if (shared.inspect && worker.http) logger.info({ url: `${worker.http.url}/inspect` }, 'inspector');
      }
      await worker.finished;
      return OK;
    },
    logger,
    shared.inspect && (await inspector(logger)),
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
