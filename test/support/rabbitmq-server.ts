/** A RabbitMQ node of a test's own, to be stopped, restarted and starved without anybody else noticing. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { freePorts } from './free-port.js';
import { GuardedProcess } from './guarded-process.js';

/** Where the programs are: `sbin` of a generic installation, or where Debian keeps them. */
const BIN = process.env.RABBITMQ_BIN ?? '/usr/lib/rabbitmq/bin';
const START_TIMEOUT_MS = 30_000;
const WATERMARK = 0.6;

export class RabbitMqServer {
  /**
   * A new, empty node, not started. It listens on the loopback interface only, and has no plugins. Deliveries that
   * stay unsettled for longer than `consumerTimeoutMs` (30 minutes when left out) close their channel; it looks for
   * them every second then, and not every minute.
   */
  static async create({ consumerTimeoutMs }: { readonly consumerTimeoutMs?: number } = {}): Promise<RabbitMqServer> {
    if (!existsSync(join(BIN, 'rabbitmq-server'))) {
      throw new Error(`no RabbitMQ in ${BIN}: apt-get install rabbitmq-server, or set RABBITMQ_BIN`);
    }
    const folder = await mkdtemp(join(tmpdir(), 'baton-rabbitmq-'));
    const [port, distributionPort] = (await freePorts(2)) as [number, number];
    const file = async (name: string, content: string) => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    const settings = [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'disk_free_limit.absolute = 1MB',
      `vm_memory_high_watermark.relative = ${WATERMARK}`,
      ...(consumerTimeoutMs === undefined ? [] : [`consumer_timeout = ${consumerTimeoutMs}`]),
    ];
    const often = consumerTimeoutMs === undefined ? '[].' : '[{rabbit, [{channel_tick_interval, 1000}]}].';
    return new RabbitMqServer(folder, port, {
      ...withoutRabbitMq(process.env),
      // The cookie is kept there, so that nobody else's node and this one know each other.
      HOME: folder,
      RABBITMQ_NODENAME: `baton-${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONF_ENV_FILE: await file('rabbitmq-env.conf', ''),
      RABBITMQ_CONFIG_FILE: await file('rabbitmq.conf', `${settings.join('\n')}\n`),
      RABBITMQ_ADVANCED_CONFIG_FILE: await file('advanced.config', often),
      RABBITMQ_ENABLED_PLUGINS_FILE: await file('enabled_plugins', '[].'),
      // The start script then becomes the node instead of standing in front of it.
      RUNNING_UNDER_SYSTEMD: 'true',
    });
  }

  #process: GuardedProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  /** Resolves when it takes connections, on the port that it always has, with what it had before. */
  async start(): Promise<void> {
    if (this.#process?.running) return;
    const server = new GuardedProcess({
      command: [join(BIN, 'rabbitmq-server')],
      env: this.env,
      folder: this.folder,
      lastSignal: 'SIGKILL',
    });
    this.#process = server;
    await server.ready('the private RabbitMQ node', () => this.#ping(), START_TIMEOUT_MS);
  }

  /** Lets it say goodbye, or, with `SIGKILL`, doesn't. Resolves when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (!this.#process?.running) return;
    this.#process.signal(signal);
    await this.#process.exited;
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.stop(signal);
    await this.start();
  }

  /** `rabbitmqctl` on this node. Takes a second or more. Answers with what it printed. */
  async ctl(...args: string[]): Promise<string> {
    const node = ['--quiet', '--node', this.env.RABBITMQ_NODENAME as string];
    const { stdout } = await promisify(execFile)(join(BIN, 'rabbitmqctl'), [...node, ...args], { env: this.env });
    return stdout;
  }

  /** Makes it believe that its memory is used up, so that it reads from no publisher, or that it isn't any more. */
  async setMemoryAlarm(on: boolean): Promise<void> {
    await this.ctl('set_vm_memory_high_watermark', on ? '0.0000001' : String(WATERMARK));
  }

  /** Stops it and removes everything that it had. */
  async close(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  async #ping(): Promise<void> {
    await (await connect(this.url, { timeout: 2_000 })).close();
  }
}

/** Nothing that was set for another node. */
function withoutRabbitMq(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('RABBITMQ_')));
}
