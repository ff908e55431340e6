/** compose.yaml and the Dockerfile say what is there: as far as that can be told without Docker. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { toMs } from '../../../src/core/duration.js';
import { parseHttp } from '../../../src/runtime/http/http-options.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly init?: boolean;
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly deploy?: { readonly replicas: number };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
}

const { services, volumes } = parse(read('compose.yaml')) as {
  services: Record<'postgres' | 'rabbitmq' | 'worker', Service>;
  volumes: object;
};
const { postgres, rabbitmq, worker } = services;

describe('compose.yaml', () => {
  test('has the images that the tests start, pinned to a patch version, with health checks', () => {
    const started = read('src/testing/services/kinds.ts').match(/(?<=_IMAGE = ').*(?=';)/g);
    expect([postgres.image, rabbitmq.image]).toEqual(started);
    // Postgres counts patches in its second number, RabbitMQ in its third.
    expect(postgres.image).toMatch(/^postgres:\d+\.\d+$/);
    expect(rabbitmq.image).toMatch(/^rabbitmq:\d+\.\d+\.\d+-management$/);
    for (const { healthcheck } of [postgres, rabbitmq]) expect(healthcheck?.test[0]).toBe('CMD');
  });

  test('opens ports to this machine only, and keeps data in volumes that it declares', () => {
    for (const port of Object.values(services).flatMap(({ ports = [] }) => ports))
      expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
    for (const volume of Object.values(services).flatMap(({ volumes: used = [] }) => used))
      expect(Object.keys(volumes)).toContain(volume.split(':')[0]);
  });

  test('runs two workers, once the services are healthy, with variables that are read and hosts that are there', () => {
    expect(worker.build).toBe('.');
    expect(worker.deploy?.replicas).toBe(2);
    expect(worker.depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      rabbitmq: { condition: 'service_healthy' },
    });
    const code = ['src', 'examples/order'].flatMap(sourcesIn).join('\n');
    for (const [name, value] of Object.entries(worker.environment ?? {})) {
      expect(code).toMatch(new RegExp(`env\\.${name}\\b`));
      expect(Object.keys(services)).toContain(new URL(value).hostname);
    }
    expect(Object.keys(worker.environment ?? {})).toEqual(expect.arrayContaining(['DATABASE_URL', 'AMQP_URL']));
  });

  test('knows a worker as healthy while it is ready, where the image serves that', () => {
    const [kind, program, flag, script = ''] = worker.healthcheck?.test ?? [];
    expect([kind, program, flag]).toEqual(['CMD', 'node', '-e']);
    const command = JSON.parse(/^CMD (.*)/m.exec(read('Dockerfile'))?.[1] as string) as string[];
    const { port } = parseHttp(command.at(-1) as string);
    expect(script).toContain(`fetch('http://127.0.0.1:${port}/readyz')`);
    for (const [ok, code] of [
      [true, 0],
      [false, 1],
    ] as const) {
      const answer = `globalThis.fetch = async () => ({ ok: ${ok} });`;
      expect(spawnSync(process.execPath, ['-e', `${answer}${script}`]).status).toBe(code);
    }
  });

  test('has a worker stopped by SIGTERM during its start, too, and started again when it exits by itself', () => {
    expect(worker.init).toBe(true);
    expect(worker.restart).toBe('unless-stopped');
  });

  test('gives a worker longer to stop than it takes by itself', () => {
    const shutdown = /options\.shutdownTimeout \?\? '(\w+)'/.exec(read('src/runtime/worker-options.ts'))?.[1];
    expect(toMs(worker.stop_grace_period as string)).toBeGreaterThan(toMs(shutdown as string));
  });
});

describe('the Dockerfile', () => {
  const lines = read('Dockerfile').split('\n');
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  const inLast = (instruction: RegExp) => last.flatMap((line) => instruction.exec(line)?.slice(1) ?? []);

  test('is built on pinned images, of a Node that is supported', () => {
    const images = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? []);
    expect(new Set(images).size).toBe(1);
    expect(images[0]).toMatch(/^node:(2[02468]|3\d)\.\d+\.\d+-bookworm-slim$/);
  });

  test('runs node itself, as nobody special, on files that are there', () => {
    // Of several USERs or CMDs the last one counts, and an ENTRYPOINT would stand before node.
    expect(inLast(/^USER (.*)/)).toEqual(['node']);
    expect(inLast(/^(CMD|ENTRYPOINT)/)).toEqual(['CMD']);
    const command = JSON.parse(inLast(/^CMD (.*)/)[0] as string) as string[];
    const { bin } = JSON.parse(read('package.json')) as { bin: { baton: string } };
    const worker = ['worker', 'examples/order/workflow.mjs', '--http', '0.0.0.0:9090'];
    expect(command).toEqual(['node', bin.baton.replace(/^\.\//, ''), ...worker]);
    expect(inLast(/^EXPOSE (.*)/)).toEqual([String(parseHttp(command.at(-1) as string).port)]);
    expect(existsSync(join(ROOT, 'examples/order/workflow.mjs'))).toBe(true);
  });

  test('adds what HTTP takes, at the versions that are tested', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
    for (const name of ['fastify', 'prom-client'])
      expect(read('Dockerfile')).toMatch(new RegExp(` ${name}@${devDependencies[name]?.replaceAll('.', '\\.')}\\b`));
  });

  test('has in its last stage what is run, what that imports, and nothing besides', () => {
    // The example imports batonmq by name: it is found through package.json.
    expect(inLast(/^COPY (.*)/)).toEqual([
      '--from=build /app/package.json ./',
      '--from=build /app/node_modules node_modules',
      '--from=build /app/dist dist',
      'examples/order examples/order',
    ]);
  });

  test('copies what is there, and what .dockerignore lets in', () => {
    const copied = lines.flatMap((line) =>
      (/^COPY (?!--from)(.*) \S+$/.exec(line)?.[1] ?? '').split(' ').filter(Boolean),
    );
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => /^!(.+)/.exec(line)?.[1] ?? []);
    expect(copied.toSorted()).toEqual(allowed.toSorted());
    for (const name of copied) expect([name, existsSync(join(ROOT, name))]).toEqual([name, true]);
  });
});

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(ts|mjs)$/.test(name)).map((name) => read(join(folder, name)));
}
