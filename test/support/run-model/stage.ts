/**
 * Where executions learn their fate: by the script of their run, or from the test, which lets those go on that hold. It
 * is also the ledger of what really ran, and Baton knows nothing of it.
 */
import type { Fate, Script } from './model.js';

/** One execution of a function, as its worker knows it. */
export interface Begun {
  /** Key of its run. */
  readonly run: string;
  readonly path: string;
  readonly task: string;
  readonly attempt: number;
  /** Whose process it is in. */
  readonly worker: string;
}

export interface Execution extends Begun {
  /** Which execution of its function it is, from 1. */
  readonly number: number;
  /** Name of the reason why its AbortSignal fired, if it did. */
  aborted: string | undefined;
}

interface Holding {
  readonly execution: Execution;
  readonly go: (fate: Fate) => void;
}

export class Stage {
  readonly #scripts = new Map<string, Promise<Script>>();
  readonly #tell = new Map<string, (script: Script) => void>();
  readonly #executions = new Map<string, Execution[]>();
  readonly #gone = new Set<string>();
  #holding: Holding[] = [];

  /** From now on executions of this run begin; earlier ones have waited for it. */
  know(run: string, script: Script): void {
    void this.#script(run);
    this.#tell.get(run)!(script);
  }

  /** Resolves with the fate of the execution, once it has one; `noted` is called when it is written down. */
  async begin(begun: Begun, noted: (execution: Execution) => void): Promise<Exclude<Fate, 'hold'>> {
    const script = await this.#script(begun.run);
    if (this.#gone.has(begun.worker)) return new Promise(() => {});
    const executions = this.#of(begun.run);
    const number = executions.filter(({ task }) => task === begun.task).length + 1;
    const execution: Execution = { ...begun, number, aborted: undefined };
    executions.push(execution);
    noted(execution);
    const fate = script[begun.task]?.[number - 1] ?? 'ok';
    if (fate !== 'hold') return fate;
    return new Promise((resolve) => {
      this.#holding.push({ execution, go: resolve as (fate: Fate) => void });
    });
  }

  /** False: there is no such execution, or it doesn't hold. */
  release(run: string, task: string, number: number, fate: Fate): boolean {
    const at = this.#holding.findIndex(
      ({ execution }) => execution.run === run && execution.task === task && execution.number === number,
    );
    const [held] = at < 0 ? [] : this.#holding.splice(at, 1);
    held?.go(fate);
    return held !== undefined;
  }

  /** Its process is gone, and nothing of it will go on. */
  forget(worker: string): void {
    this.#gone.add(worker);
    this.#holding = this.#holding.filter(({ execution }) => execution.worker !== worker);
  }

  executions(run: string): readonly Execution[] {
    return this.#of(run);
  }

  #of(run: string): Execution[] {
    const executions = this.#executions.get(run) ?? [];
    this.#executions.set(run, executions);
    return executions;
  }

  #script(run: string): Promise<Script> {
    let script = this.#scripts.get(run);
    if (script === undefined) {
      script = new Promise((resolve) => this.#tell.set(run, resolve));
      this.#scripts.set(run, script);
    }
    return script;
  }
}
