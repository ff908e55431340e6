/**
 * The process of `baton dev` that stays: it takes the commands of other terminals in, and keeps another process at
 * work, which has the folder open. That one is ended and started anew when a source file changes, or when it died: so
 * every change is a restart, and what was under way goes on in the next process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../store/pglite/folder.js';
import { FAILED, OK, RefusedError } from '../exit-codes.js';
import type { Io } from '../io.js';
import { addressOf } from './address.js';
import { reach } from './remote.js';
import { watchSources } from './watch.js';

/** What the process at work is told with its start. */
export interface DevOptions {
  readonly modules: readonly string[];
  /** Absolute. */
  readonly folder: string;
  readonly namespace?: string | undefined;
  readonly concurrency?: number | undefined;
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** What that process says: it works, or it couldn't start and told why. */
export type DevNews = { readonly ready: true } | { readonly failed: number };

const PROGRAM = fileURLToPath(new URL('./process.js', import.meta.url));
/** A process that dies by itself is followed by another after this. */
const RESTART_MS = 1_000;

/** Resolves with the exit code, once it was told to stop. */
export async function runFront(options: DevOptions, io: Io, signals: NodeJS.EventEmitter = process): Promise<number> {
  const front = new Front(options, io);
  const stop = () => front.stop();
  signals.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await front.run();
  } finally {
    signals.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

class Front {
  readonly #waiting: Socket[] = [];
  #child: ChildProcess | undefined;
  #ready = false;
  /** Whether any process ever came to work: until then its failure is the command's. */
  #worked = false;
  #stopping = false;
  /** The file that changed; what works is being ended, or was, and another is to follow. */
  #changedFile: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #end: (code: number) => void = () => {};

  constructor(
    private readonly options: DevOptions,
    private readonly io: Io,
  ) {}

  async run(): Promise<number> {
    const ended = new Promise<number>((resolve) => {
      this.#end = resolve;
    });
    const server = await listen(this.options.folder, (socket) => this.#take(socket));
    const watch = await watchSources(this.io.cwd, (file) => this.#changed(file));
    try {
      this.#start();
      return await ended;
    } finally {
      watch.close();
      clearTimeout(this.#timer);
      for (const socket of this.#waiting) socket.destroy();
      // Its end isn't waited for: of connections that were handed on it hears nothing any more.
      server.close();
    }
  }

  /** The second time without patience. */
  stop(): void {
    const again = this.#stopping;
    this.#stopping = true;
    clearTimeout(this.#timer);
    if (this.#child === undefined) this.#end(OK);
    else this.#child.kill(again ? 'SIGKILL' : 'SIGTERM');
  }

  #start(): void {
    const { io, options } = this;
    const child = fork(PROGRAM, [JSON.stringify(options)], {
      cwd: io.cwd,
      env: io.env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    let ready = false;
    let failed: number | undefined;
    child.on('message', (news: DevNews) => {
      if ('failed' in news) failed = news.failed;
      else {
        ready = this.#ready = this.#worked = true;
        for (const socket of this.#waiting.splice(0)) child.send('command', socket);
      }
    });
    child.once('exit', (code, signal) => {
      this.#child = undefined;
      this.#ready = false;
      // A module that ends the process, or never finishes loading, would do so again and again.
      if (!ready && code !== null) failed ??= code === OK ? FAILED : code;
      if (this.#stopping) this.#end(signal === null ? (code ?? OK) : FAILED);
      else if (this.#changedFile !== undefined) this.#restart(this.#changedFile);
      else if (failed === undefined) {
        this.#say(`its process was ended by ${signal ?? `exit code ${code}`}; starting another`);
        this.#timer = setTimeout(() => this.#start(), RESTART_MS);
      } else if (this.#worked) this.#say('waiting for a change');
      else this.#end(failed);
    });
  }

  #changed(file: string): void {
    if (this.#stopping) return;
    clearTimeout(this.#timer);
    this.#changedFile = file;
    if (this.#child === undefined) this.#restart(file);
    else this.#child.kill('SIGTERM');
  }

  #restart(file: string): void {
    this.#changedFile = undefined;
    this.#say(`${relative(this.io.cwd, file)} changed`);
    this.#start();
  }

  /** A command: handed to the process at work, now or as soon as there is one. */
  #take(socket: Socket): void {
    if (this.#ready) this.#child?.send('command', socket);
    else this.#waiting.push(socket);
  }

  #say(text: string): void {
    if (this.options.json) this.io.stdout.write(`${JSON.stringify({ event: 'dev', message: text })}\n`);
    else this.io.stderr.write(`baton dev: ${text}\n`);
  }
}

async function listen(folder: string, take: (socket: Socket) => void): Promise<Server> {
  const address = addressOf(folder);
  await makeFolder(folder);
  const taken = await reach(address);
  if (taken !== undefined) {
    taken.destroy();
    throw new RefusedError(
      `baton dev is at work on ${folder} already; end that one, or choose another folder with --embedded`,
    );
  }
  // What a process that was killed left behind.
  if (process.platform !== 'win32') await rm(address, { force: true });
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    take(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => resolve(server));
  });
}
