/** Worker processes of the built package, as a user would deploy them; ended by their own pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

export interface Services {
  readonly postgres: string;
  readonly rabbitmq: string;
  readonly namespace: string;
  /** Where fixtures write their ledger; the same database when left out. */
  readonly ledger?: string;
}

export interface WorkerProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Its exit code, null after a signal, when it is gone. */
  readonly exited: Promise<number | null>;
  /** Everything it said. */
  output(): string;
  /** Kills it by its pid and waits until it is gone; resolves with its exit code, null after a signal. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Ended {
  /** Null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const WAIT_MS = 20_000;

/** Starts a worker and waits until it consumes. `module` is a file of test/fixtures, or an absolute path. */
export async function startWorker(
  module: string,
  services: Services,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<WorkerProcess> {
  return running(spawnWorker(module, services, args, env));
}

/** The same, and waits only until it answers HTTP. */
export function launchWorker(module: string, services: Services, args: readonly string[]): Promise<WorkerProcess> {
  return running(spawnWorker(module, services, args), 'http listening');
}

/** The same, without waiting. */
export function spawnWorker(
  module: string,
  services: Services,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): WorkerProcess {
  const path = module.startsWith('/') ? module : fixture(module);
  return launch([CLI, 'worker', path, '--namespace', services.namespace, ...args], services, env);
}

/** The same for a fixture that is a program of its own and says "worker running". */
export function startProgram(
  program: string,
  services: Services,
  env: Record<string, string> = {},
): Promise<WorkerProcess> {
  return running(launch([fixture(program)], services, env));
}

function launch(argv: readonly string[], services: Services, env: Record<string, string>): WorkerProcess {
  const child = spawn(process.execPath, argv, {
    env: { ...environment(services), BATON_TEST_NAMESPACE: services.namespace, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const gone = once(child, 'exit') as Promise<[number | null]>;
  // What it said last is in the output then.
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const worker: WorkerProcess = {
    pid: child.pid as number,
    child,
    exited,
    output: () => output,
    async end(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) process.kill(worker.pid, signal);
      const [code] = await gone;
      return code;
    },
  };
  return worker;
}

/** Where it listens, as its log says. */
export function httpOf({ output }: WorkerProcess): string {
  const lines = output().split('\n');
  const line = lines.find((one) => one.includes('"http listening"'));
  if (line === undefined) throw new Error(`no line says where HTTP is served:\n${output()}`);
  return (JSON.parse(line) as { url: string }).url;
}

export function environment({ postgres, rabbitmq, ledger }: Services): NodeJS.ProcessEnv {
  return { ...process.env, DATABASE_URL: postgres, AMQP_URL: rabbitmq, LEDGER_URL: ledger ?? postgres };
}

async function running(worker: WorkerProcess, sign = 'worker running'): Promise<WorkerProcess> {
  const { child } = worker;
  const until = Date.now() + WAIT_MS;
  while (!worker.output().includes(sign)) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || Date.now() > until) {
      if (!gone) await worker.end();
      throw new Error(`the worker ${gone ? 'ended' : 'did not come up'}:\n${worker.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return worker;
}

/** Runs one command of the CLI to its end. */
export function cli(services: Services, args: readonly string[]): Promise<Ended> {
  return runToEnd([CLI, ...args, '--namespace', services.namespace], { env: environment(services) });
}

/** Runs Node with these arguments to its end. */
export async function runToEnd(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env: NodeJS.ProcessEnv },
): Promise<Ended> {
  const child = spawn(process.execPath, argv, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
