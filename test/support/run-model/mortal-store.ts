/** The store as one process sees it, which may die between any two statements: then nothing more comes of it. */
import { ConnectionError } from '../../../src/core/errors.js';
import type { Store, StoreSession } from '../../../src/store/store.js';

export class MortalStore {
  readonly store: Store;
  /** Keys of the sessions that were opened on it. */
  readonly sessions: string[] = [];
  /** How many were sent. */
  statements = 0;
  #left = Number.POSITIVE_INFINITY;

  constructor(real: Store) {
    this.store = new Proxy(real, {
      get: (target, verb: keyof Store) => {
        const value = target[verb];
        if (typeof value !== 'function') return value;
        // The one method that sends nothing.
        if (verb === 'onState') return target.onState.bind(target);
        return (...args: unknown[]) => this.#send(verb, () => Reflect.apply(value, target, args) as Promise<unknown>);
      },
    });
  }

  /** The answer to the last of these statements, if there are so many, never comes. */
  dieWithin(statements: number): void {
    this.#left = statements;
  }

  die(): void {
    this.#left = 0;
  }

  async #send(verb: keyof Store, send: () => Promise<unknown>): Promise<unknown> {
    this.statements++;
    if (this.#left === 0) throw gone();
    this.#left--;
    const answer = await send();
    if (this.#left === 0) throw gone();
    return verb === 'openSession' ? this.#mortal(answer as StoreSession) : answer;
  }

  #mortal(session: StoreSession): StoreSession {
    this.sessions.push(session.key);
    return { ...session, close: async () => (this.#left === 0 ? undefined : session.close()) };
  }
}

const gone = () => new ConnectionError('the store', '(this process is dead)');
