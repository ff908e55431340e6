/** The supervisor's end of the channel to one of its processes. */
import type { ChildProcess } from 'node:child_process';
import type { ProcessOrder } from '../../../machines/supervisor.js';
import { limited } from '../time-limit.js';
import type { Figures, FromProcess, Question, ToProcess } from './messages.js';

/** Longer than a process waits for the broker when it is asked for metrics. */
const ANSWER_MS = 1_500;

export interface ProcessNews {
  ready(ready: boolean): void;
  /** What it counted in all. */
  last(figures: Figures): void;
  /** How it is, for the inspector. */
  frame(frame: object): void;
  /** It is gone, and its channel read to the end. */
  exited(code: number | null, signal: NodeJS.Signals | null): void;
}

export class ProcessHandle {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #asked = 0;
  #gone = false;

  constructor(child: ChildProcess, news: ProcessNews) {
    this.#child = child;
    child.on('message', (message: FromProcess) => {
      if ('ready' in message) news.ready(message.ready);
      else if ('last' in message) news.last(message.last);
      else if ('frame' in message) news.frame(message.frame);
      else this.#waiting.get(message.number)?.(message.answer);
    });
    const exited = (code: number | null, signal: NodeJS.Signals | null) => {
      if (this.#gone) return;
      this.#gone = true;
      for (const answer of this.#waiting.values()) answer(undefined);
      news.exited(code, signal);
    };
    // A process that couldn't even be made says so here; then nothing else comes of it.
    child.on('error', () => child.pid === undefined && exited(1, null));
    child.once('exit', exited);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Undefined when it doesn't answer in time, or can't. */
  async ask(question: Question): Promise<unknown> {
    if (this.#gone || !this.#child.connected) return undefined;
    const number = ++this.#asked;
    const answered = new Promise<unknown>((resolve) => {
      this.#waiting.set(number, resolve);
    });
    this.#send({ question, number });
    try {
      return await limited(() => answered, { what: 'asking a worker process', limitMs: ANSWER_MS });
    } catch {
      return undefined;
    } finally {
      this.#waiting.delete(number);
    }
  }

  /** For this long it shall say how it is. */
  inspect(forMs: number): void {
    if (!this.#gone && this.#child.connected) this.#send({ inspectMs: forMs });
  }

  order({ type }: ProcessOrder): void {
    if (this.#gone) return;
    if (this.#child.connected) this.#send({ order: type });
    else this.#child.kill('SIGTERM');
  }

  /** Passes a signal on. Without effect once it is gone. */
  kill(signal: NodeJS.Signals): void {
    if (!this.#gone) this.#child.kill(signal);
  }

  #send(message: ToProcess): void {
    // It may be dying: its exit says the rest.
    this.#child.send(message, () => {});
  }
}
