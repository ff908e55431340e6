/** A Postgres server of a test's own, to be stopped and started without anybody else noticing. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePorts } from './free-port.js';
import { GuardedProcess } from './guarded-process.js';

const INSTALLATIONS = '/usr/lib/postgresql';
const START_TIMEOUT_MS = 20_000;

/** `fast` ends sessions and writes a checkpoint; `immediate` is a crash: what wasn't synced is lost. */
export type StopMode = 'fast' | 'immediate';
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

export class PostgresServer {
  /** A new, empty server, not started. It listens on the loopback interface only. `settings` are those of its own. */
  static async create(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
    const bin = await findPrograms();
    const folder = await mkdtemp(join(tmpdir(), 'baton-postgres-'));
    const asUser = await userPrefix(folder);
    const initdb = [join(bin, 'initdb'), '-D', join(folder, 'data'), '-U', 'postgres', '--auth=trust', '--no-sync'];
    const [program, ...args] = [...asUser, ...initdb] as [string, ...string[]];
    await promisify(execFile)(program, args, { cwd: folder });
    const [port] = (await freePorts(1)) as [number];
    return new PostgresServer(folder, port, [...asUser, join(bin, 'postgres')], settings);
  }

  #process: GuardedProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly program: readonly string[],
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  url(database = 'postgres'): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Resolves when it answers, on the port that it always has. Recovers from a crash first, where there was one. */
  async start(): Promise<void> {
    if (this.#process?.running) return;
    const own = { port: this.port, listen_addresses: '127.0.0.1', unix_socket_directories: this.folder };
    const settings = Object.entries({ ...this.settings, ...own }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const server = new GuardedProcess({
      command: [...this.program, '-D', join(this.folder, 'data'), ...settings] as [string, ...string[]],
      env: { ...process.env, LC_MESSAGES: 'C' },
      folder: this.folder,
      lastSignal: 'SIGQUIT',
    });
    this.#process = server;
    await server.ready('the private Postgres server', () => this.#ping(), START_TIMEOUT_MS);
  }

  /** Resolves when the server is gone. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    if (!this.#process?.running) return;
    this.#process.signal(SIGNALS[mode]);
    await this.#process.exited;
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Stops it and removes everything that it had. */
  async close(): Promise<void> {
    await this.stop('immediate');
    await rm(this.folder, { recursive: true, force: true });
  }

  async #ping(): Promise<void> {
    const client = new pg.Client({ connectionString: this.url(), connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      await client.query('select 1');
    } finally {
      await client.end();
    }
  }
}

/** The folder of the newest installed version's programs. */
async function findPrograms(): Promise<string> {
  const versions = existsSync(INSTALLATIONS) ? await readdir(INSTALLATIONS) : [];
  const newest = versions
    .filter((version) => existsSync(join(INSTALLATIONS, version, 'bin/initdb')))
    .sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw new Error(`no Postgres under ${INSTALLATIONS}: apt-get install postgresql`);
  return join(INSTALLATIONS, newest, 'bin');
}

/** Postgres refuses to run as root: then it runs as the system's `postgres`, to whom the folder is given. */
async function userPrefix(folder: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  await promisify(execFile)('chown', ['postgres', folder]);
  await chmod(folder, 0o700);
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--'];
}
