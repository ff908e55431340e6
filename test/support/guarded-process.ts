/**
 * A server process that never outlives the test run for long, however that ends. It runs under a small shell, which
 * sees the end of its standard input when this process is gone: it then ends the server and removes its folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface GuardedProcessOptions {
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: NodeJS.ProcessEnv;
  /** The server's own folder. It is where the server runs, and it goes when nobody is left to close the server. */
  readonly folder: string;
  /** What ends the server without delay and without leaving anything in the system. */
  readonly lastSignal: NodeJS.Signals;
}

// Only the pid of its own child is ever signalled, and only until that has been waited for. Standard input carries
// the names of signals to pass on; its end comes from the system, also after a SIGKILL. By then nobody reads what
// the shell might say, and a word of it would be the end of it.
const GUARD = `
last=$1 folder=$2; shift 2
exec 3<&0 </dev/null
"$@" 3<&- & server=$!
exec >/dev/null 2>&1
trap orphan=1 USR1
{
  while read -r signal <&3; do kill -s "$signal" "$server"; done
  kill -s USR1 $$; kill -s "$last" "$server"; sleep 5; kill -s KILL "$server"
} & reader=$!
while :; do wait "$server"; code=$?; kill -s 0 "$server" 2>/dev/null || break; done
kill "$reader"
if [ "$orphan" ]; then rm -rf -- "$folder"; fi
exit "$code"
`;

/** How much of the server's output is kept for error messages. */
const OUTPUT_LENGTH = 4_000;

export class GuardedProcess {
  /** Resolves when the server is gone. */
  readonly exited: Promise<void>;
  readonly #guard: ChildProcess;
  #output = '';
  #running = true;

  constructor({ command, env, folder, lastSignal }: GuardedProcessOptions) {
    const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', lastSignal.slice(3), folder, ...command], {
      cwd: folder,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      // Out of reach of a Ctrl-C in the terminal, which would end the guard before the guarded.
      detached: true,
    });
    this.#guard = guard;
    for (const stream of [guard.stdout, guard.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_LENGTH);
      });
    // The server may be gone before a signal for it is written: then there is nothing left to say.
    guard.stdin.on('error', () => {});
    this.exited = once(guard, 'exit').then(() => {
      this.#running = false;
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** The end of what it said. */
  get output(): string {
    return this.#output;
  }

  signal(name: NodeJS.Signals): void {
    this.#guard.stdin?.write(`${name.slice(3)}\n`);
  }

  /** Resolves when the check passes; rejects, and ends the server, when it exits or takes too long. */
  async ready(what: string, check: () => Promise<void>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const refused = await check().then(
        () => undefined,
        (error: unknown) => error ?? new Error('no reason given'),
      );
      if (refused === undefined) return;
      const late = Date.now() > deadline;
      if (!late && this.#running) {
        await Promise.race([this.exited, new Promise((resolve) => setTimeout(resolve, 50))]);
        continue;
      }
      if (late) this.signal('SIGKILL');
      await this.exited;
      const why = late ? `didn't answer within ${timeoutMs} ms` : 'ended while starting';
      throw new Error(`${what} ${why}:\n${this.#output}`, { cause: refused });
    }
  }
}
