/** A worker process of the planned workflows: waits until it is told to work, works until it is killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { environment, type Services } from '../workers.js';
import type { Execution, Stage } from './stage.js';

const PROGRAM = fileURLToPath(new URL('../../fixtures/model-worker.mjs', import.meta.url));

type Word = { readonly ready?: true; readonly working?: true; readonly ask?: number; readonly aborted?: string };
interface Ask extends Word {
  readonly ask: number;
  readonly run: string;
  readonly path: string;
  readonly task: string;
  readonly attempt: number;
}

export class ModelWorker {
  readonly name: string;
  /** Its session is open, and it does its duties. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #asked = new Map<number, Execution>();
  /** Why executions were stopped that nobody has written down yet. */
  readonly #early = new Map<number, string>();
  #output = '';

  constructor(
    services: Services,
    model: object,
    private readonly stage: Stage,
  ) {
    const env = { ...environment(services), BATON_TEST_NAMESPACE: services.namespace, MODEL: JSON.stringify(model) };
    this.#child = fork(PROGRAM, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.name = `process ${this.#child.pid}`;
    this.#gone = Promise.all([once(this.#child, 'exit'), once(this.#child, 'disconnect')]);
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.ready = this.#says('ready');
    this.ready.catch(() => {});
    this.#child.on('message', (word: Word) => {
      if (word.aborted !== undefined) this.#abort(word.ask!, word.aborted);
      else if (word.ask !== undefined) void this.#answer(word as Ask);
    });
  }

  /** Resolves when it takes work. */
  async work(): Promise<void> {
    const working = this.#says('working');
    this.#child.send({ work: true });
    await working;
  }

  /** Resolves when it is dead, and has been heard out. */
  async kill(): Promise<void> {
    process.kill(this.#child.pid!, 'SIGKILL');
    await this.#gone;
  }

  async #answer({ ask, run, path, task, attempt }: Ask): Promise<void> {
    let execution: Execution | undefined;
    const fate = await this.stage.begin({ run, path, task, attempt, worker: this.name }, (noted) => {
      execution = noted;
      noted.aborted = this.#early.get(ask);
      this.#asked.set(ask, noted);
    });
    if (this.#child.connected) this.#child.send({ ask, number: execution!.number, fate });
  }

  #abort(ask: number, reason: string): void {
    const execution = this.#asked.get(ask);
    if (execution === undefined) this.#early.set(ask, reason);
    else execution.aborted = reason;
  }

  #says(what: 'ready' | 'working'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.on('message', (word: Word) => word[what] && resolve());
      this.#child.once('exit', () => reject(new Error(`a worker ended before it was ${what}:\n${this.#output}`)));
    });
  }
}
