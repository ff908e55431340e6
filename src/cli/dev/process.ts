/** The process of `baton dev` that works: it has the folder open, runs the workflows, and carries out commands. */
import type { Socket } from 'node:net';
import { relative } from 'node:path';
import { pino } from 'pino';
import type { Baton } from '../../client/baton.js';
import { connect } from '../../client/connect.js';
import type { RunSummary } from '../../client/list.js';
import type { Logger } from '../../core/logger.js';
import type { TaskEvent } from '../../runtime/engaged.js';
import type { Worker } from '../../runtime/worker.js';
import { exitCodeOf, explain, FAILED, OK } from '../exit-codes.js';
import { processIo } from '../io.js';
import { jsonLine } from '../json.js';
import { loadModules } from '../load-module.js';
import { lookOf } from '../terminal.js';
import { boardLines, runsShown, taskLine } from './board.js';
import type { DevNews, DevOptions } from './front.js';
import { logLines } from './log-lines.js';
import { Screen } from './screen.js';
import { serve } from './serve.js';

const options = JSON.parse(process.argv[2] as string) as DevOptions;
const { modules, folder, namespace, concurrency, json, verbose } = options;
const io = processIo();

/** What is under way when a source changes is begun again by the next process: no need to wait for it. */
const SHUTDOWN = '1s';
const REMEMBERED = 20;

let stop: (code: number) => void = () => {};
const stopped = new Promise<number>((resolve) => {
  stop = resolve;
});
// Ctrl-C reaches both processes; the other one decides, and is gone only when this one may go too.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => stop(OK));
process.on('disconnect', () => stop(OK));

try {
  process.exitCode = await work();
} catch (error) {
  process.stderr.write(`${explain(error, verbose === true)}\n`);
  tell({ failed: exitCodeOf(error) });
}
process.stdout.write('', () => process.exit());

async function work(): Promise<number> {
  const { workflows, worker: own } = await loadModules(modules, io.cwd);
  const logger: Logger = pino(
    { name: 'baton', level: verbose ? 'debug' : 'info' },
    json ? process.stdout : logLines(process.stdout),
  );
  const baton = await connect({ embedded: folder, namespace, logger });
  try {
    const worker = baton.worker({
      ...own,
      workflows,
      shutdownTimeout: SHUTDOWN,
      ...(concurrency === undefined ? {} : { concurrency }),
    });
    const view = show(
      baton,
      worker,
      workflows.map(({ name }) => name),
    );
    receive(logger, view.changed);
    await worker.start();
    tell({ ready: true });
    worker.finished.catch(() => stop(FAILED));
    const code = await stopped;
    await baton.close();
    view.close();
    return code;
  } finally {
    await baton.close();
  }
}

function tell(news: DevNews): void {
  if (process.connected) process.send?.(news);
}

function receive(logger: Logger, changed: () => void): void {
  process.on('message', (_message, socket: Socket | undefined) => {
    if (socket === undefined) return;
    socket.resume();
    const here = {
      ...io,
      connect: (given: object) => connect({ ...given, postgres: undefined, rabbitmq: undefined, embedded: folder }),
    };
    serve(socket, here).then(changed, (err: unknown) => logger.error({ err }, 'a command of another terminal failed'));
  });
}

interface View {
  changed(): void;
  close(): void;
}

function show(baton: Baton, worker: Worker, workflows: readonly string[]): View {
  return process.stdout.isTTY && !json ? board(baton, worker, workflows) : lines(worker, workflows);
}

/** For pipes: a line for everything that happens. */
function lines(worker: Worker, workflows: readonly string[]): View {
  const print = (event: string, more: object, text: string) =>
    process.stdout.write(`${json ? jsonLine({ event, ...more }) : text}\n`);
  worker.on('transition', ({ to }) =>
    print(
      'worker',
      { state: to, worker: worker.id, workflows, folder },
      `worker ${to}: ${workflows.join(', ')} in ${folder}`,
    ),
  );
  worker.on('task', (task) => print('task', task, taskLine({ ...task, at: new Date() })));
  return { changed() {}, close() {} };
}

/** For a terminal: a list that changes. */
function board(baton: Baton, worker: Worker, workflows: readonly string[]): View {
  const screen = new Screen([process.stdout, process.stderr]);
  const title = `${modules.join(' ')} · ${relative(io.cwd, folder) || folder}`;
  let runs: RunSummary[] = [];
  const tasks: (TaskEvent & { at: Date })[] = [];
  let reading = false;
  let again = false;
  let closed = false;
  screen.show(() => boardLines({ title, worker: worker.detail, workflows, runs, tasks }, screen, lookOf(io)));

  /** One read at a time, and one more if something happened meanwhile. */
  const read = async () => {
    const newest: RunSummary[] = [];
    for await (const run of baton.list({ limit: runsShown(screen.rows) })) newest.push(run);
    runs = newest;
  };
  const changed = () => {
    screen.update();
    if (closed || reading) {
      again = true;
      return;
    }
    [reading, again] = [true, false];
    read()
      .catch((error: Error) => process.stderr.write(`${explain(error, false)}\n`))
      .finally(() => {
        reading = false;
        screen.update();
        if (again) changed();
      });
  };
  worker.on('task', (task) => {
    tasks.push({ ...task, at: new Date() });
    tasks.splice(0, tasks.length - REMEMBERED);
    changed();
  });
  worker.on('transition', changed);
  // Ages grow.
  const clock = setInterval(() => screen.update(), 1_000);
  return {
    changed,
    close() {
      closed = true;
      clearInterval(clock);
      screen.close();
    },
  };
}
