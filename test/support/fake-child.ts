/** A child process that does what tests say, and notes what is done to it. */
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { FromProcess, ToProcess } from '../../src/runtime/supervisor/messages.js';

export class FakeChild extends EventEmitter {
  /** Orders and signals, in order. */
  readonly log: string[] = [];
  connected = true;
  /** What it answers to questions; undefined: nothing. */
  answer: (question: string) => unknown = () => ({ ok: true });

  constructor(readonly pid: number) {
    super();
  }

  get asChild(): ChildProcess {
    return this as unknown as ChildProcess;
  }

  send(message: ToProcess): boolean {
    if ('order' in message) this.log.push(message.order);
    else if ('question' in message) {
      const answer = this.answer(message.question);
      if (answer !== undefined) queueMicrotask(() => this.say({ answer, number: message.number }));
    }
    return true;
  }

  kill(signal: NodeJS.Signals): boolean {
    this.log.push(signal);
    return true;
  }

  say(message: FromProcess): void {
    this.emit('message', message);
  }

  exit(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.connected = false;
    this.emit('exit', code, signal);
  }
}
