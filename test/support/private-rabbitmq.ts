/** A broker of a test's own, to be stopped, killed and starved without anybody else noticing. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Where the programs are: `sbin` of a generic installation, or where Debian keeps them. */
const BIN = process.env.RABBITMQ_BIN ?? '/usr/lib/rabbitmq/bin';
export const privateRabbitMqAvailable = existsSync(join(BIN, 'rabbitmq-server'));

const START_TIMEOUT_MS = 60_000;

export class PrivateRabbitMq {
  /** Starts it; it listens on the loopback interface only. */
  static async start(): Promise<PrivateRabbitMq> {
    const folder = await mkdtemp(join(tmpdir(), 'baton-rabbitmq-'));
    const [port, distributionPort] = await freePorts(2);
    const settings = [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'disk_free_limit.absolute = 1MB',
      'vm_memory_high_watermark.absolute = 1GB',
    ];
    await writeFile(join(folder, 'rabbitmq.conf'), settings.join('\n'));
    await writeFile(join(folder, 'enabled_plugins'), '[].');
    const server = new PrivateRabbitMq(folder, port as number, {
      ...process.env,
      HOME: folder,
      RABBITMQ_NODENAME: `baton-${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    });
    await server.boot();
    return server;
  }

  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  /** Starts it where it was stopped, with what it had. */
  async boot(): Promise<void> {
    const server = spawn(join(BIN, 'rabbitmq-server'), [], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = server;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the private broker ${why}: ${output}`));
      const timer = setTimeout(() => fail('did not start in time'), START_TIMEOUT_MS);
      const read = (chunk: Buffer) => {
        output += chunk;
        if (!output.includes('Server startup complete')) return;
        clearTimeout(timer);
        resolve();
      };
      server.stdout.on('data', read);
      server.stderr.on('data', read);
      server.once('exit', (code) => fail(`ended with ${code}`));
    });
  }

  /** `SIGTERM` lets it say goodbye, `SIGKILL` doesn't. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    // The script in front of it passes on what can be passed on.
    process.kill(Number(await readFile(join(this.folder, 'pid'), 'utf8')), signal);
    await ended;
  }

  /** `rabbitmqctl`, on this broker. */
  async control(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(
      join(BIN, 'rabbitmqctl'),
      ['-n', this.env.RABBITMQ_NODENAME as string, ...args],
      {
        env: this.env,
      },
    );
    return stdout;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
