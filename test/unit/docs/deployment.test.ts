/** What docs/deployment.md shows fits the code: paths, ports, variables, queues, times and commands. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { toMs } from '../../../src/core/duration.js';
import { queueName } from '../../../src/core/message.js';
import { parseHttp } from '../../../src/runtime/http/http-options.js';
import { probeRoutes } from '../../../src/runtime/http/probes.js';
import { cli } from '../../support/cli-in-memory.js';
import { documented } from '../../support/documented-metrics.js';

// Commands parse without the modules that they name.
vi.mock('../../../src/cli/load-module.js', async (original) => ({
  ...(await original<object>()),
  loadModules: async () => ({ workflows: [], worker: {} }),
}));
// Nor are the files there that they read.
vi.mock('../../../src/cli/worker-settings.js', async (original) => ({
  ...(await original<object>()),
  readOptions: async () => ({ workflows: [] }),
}));
vi.mock('../../../src/cli/supervise.js', async (original) => ({
  ...(await original<object>()),
  supervise: async () => 0,
}));

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const PAGE = read('docs/deployment.md');
const blocks = (language: string) =>
  Array.from(PAGE.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm')), ([, text]) => text as string);

const shutdownMs = toMs(
  /options\.shutdownTimeout \?\? '(\w+)'/.exec(read('src/runtime/worker-options.ts'))?.[1] as string,
);
const verdict = () => ({ ok: true });
const SERVED = probeRoutes({ live: verdict, ready: verdict, started: verdict }).map(({ path }) => path);

/** The command line is one that `baton` takes; nothing is connected. */
async function parses(argv: readonly string[]): Promise<void> {
  const { stderr } = await cli(argv, { io: { connect: () => Promise.reject(new Error('parsed')) } });
  expect([argv, stderr]).toEqual([argv, expect.stringMatching(/^(baton: parsed\n)?$/)]);
}

/** Where a command line serves HTTP. */
function httpIn(argv: readonly string[]) {
  return parseHttp(argv[argv.indexOf('--http') + 1] as string);
}

const BATON = 'node_modules/.bin/baton';

describe('the Dockerfile', () => {
  const [text = ''] = blocks('dockerfile');
  const lines = text.trim().split('\n');
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  const command = JSON.parse(/^CMD (.*)$/m.exec(text)?.[1] as string) as string[];

  test('builds in one stage and runs in another, on the image of this repository, as nobody special', () => {
    const images = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? []);
    expect(images).toEqual(Array(2).fill(/^FROM (\S+)/m.exec(read('Dockerfile'))?.[1]));
    expect(last).toContain('USER node');
  });

  test('runs a command that parses, and exposes the port that it opens to all', async () => {
    const [program, ...argv] = command;
    expect(program).toBe(BATON);
    await parses(argv);
    expect(httpIn(argv).host).toBe('0.0.0.0');
    expect(last).toContain(`EXPOSE ${httpIn(argv).port}`);
  });
});

describe('the manifests', () => {
  const [deployment, scaled] = blocks('yaml').map((text) => parse(text)) as [Deployment, ScaledObject];
  const { spec, metadata } = deployment.spec.template;
  const [worker] = spec.containers as [Container];
  const { port } = httpIn(worker.args);

  test('run a command that parses, on a port that probes reach', async () => {
    const [program, ...argv] = worker.args;
    expect(program).toBe(BATON);
    await parses(argv);
    expect(httpIn(argv).host).toBe('0.0.0.0');
    expect(worker.ports).toEqual([{ name: 'http', containerPort: port }]);
  });

  test('probe what is served, each for what it is for', () => {
    const { startupProbe, readinessProbe, livenessProbe } = worker;
    const paths = [livenessProbe, readinessProbe, startupProbe].map(({ httpGet }) => httpGet.path);
    expect(paths).toEqual(SERVED);
    for (const probe of [startupProbe, readinessProbe, livenessProbe]) expect(probe.httpGet.port).toBe('http');
    const annotations = metadata.annotations;
    expect([annotations['prometheus.io/path'], annotations['prometheus.io/port']]).toEqual(['/metrics', String(port)]);
  });

  test('give a start and a stop the time that they take', () => {
    const startupMs = toMs(
      /options\.startupTimeout \?\? '(\w+)'/.exec(read('src/runtime/worker-options.ts'))?.[1] as string,
    );
    const { periodSeconds, failureThreshold } = worker.startupProbe;
    expect(periodSeconds * (failureThreshold ?? 0) * 1_000).toBeGreaterThan(startupMs);
    expect(spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(shutdownMs);
  });

  test('set variables that are read, from secrets', () => {
    const code = sourcesIn('src').join('\n');
    expect(worker.env.map(({ name }) => name)).toEqual(['DATABASE_URL', 'AMQP_URL']);
    for (const { name, valueFrom } of worker.env) {
      expect(code).toContain(`env.${name}`);
      expect(valueFrom.secretKeyRef).toBeDefined();
    }
    expect(worker.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1_000 });
  });

  test('scale that deployment on the queues of one workflow, all of them and no others', () => {
    expect(scaled.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
    expect(scaled.spec.minReplicaCount).toBeGreaterThanOrEqual(2);
    const [{ metadata: trigger }] = scaled.spec.triggers;
    expect(trigger).toMatchObject({ useRegex: 'true', operation: 'sum', protocol: 'http' });
    const name = new RegExp(trigger.queueName);
    const queue = { workflow: 'order', hash: 'a'.repeat(64), tags: [] as string[], priority: 3 as const };
    expect(queueName('default', queue)).toMatch(name);
    expect(queueName('default', { ...queue, tags: ['eu'], priority: 1 })).toMatch(name);
    expect(queueName('default', { ...queue, workflow: 'orders' })).not.toMatch(name);
    expect(queueName('staging', queue)).not.toMatch(name);
  });
});

describe('the unit', () => {
  const unit = Object.fromEntries(
    blocks('ini')[0]!
      .split('\n')
      .flatMap((line) => {
        const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
        return key === undefined ? [] : [[key, value as string]];
      }),
  );

  test('runs a command that parses, from where it is installed', async () => {
    const [program, ...argv] = unit.ExecStart!.split(' ');
    expect(program).toBe(`${unit.WorkingDirectory}/${BATON}`);
    await parses(argv);
  });

  test('has it stopped by one signal to the supervisor, with time for that', () => {
    expect(unit.KillMode).toBe('mixed');
    expect(Number(unit.TimeoutStopSec) * 1_000).toBeGreaterThan(shutdownMs);
    expect(unit.RestartPreventExitStatus).toBe('2');
  });
});

test('every metric that pages speak of is documented', () => {
  const names = [...documented('metric'), ...documented('metric of the supervisor')].map(({ name }) => name);
  for (const page of readdirSync(join(ROOT, 'docs')).map((name) => read(`docs/${name}`)))
    for (const [name] of page.matchAll(/\bbaton_\w+/g))
      expect(names).toContain(name.replace(/_(bucket|sum|count)$/, ''));
});

test('every path that the page speaks of is served', () => {
  const said = new Set(PAGE.match(/`\/\w+`/g)?.map((path) => path.replaceAll('`', '')));
  expect([...said].sort()).toEqual([...SERVED, '/metrics'].sort());
});

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold?: number;
}

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly valueFrom: { readonly secretKeyRef?: object } }[];
  readonly ports: readonly object[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: object;
}

interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: { readonly terminationGracePeriodSeconds: number; readonly containers: readonly Container[] };
    };
  };
}

interface ScaledObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicaCount: number;
    readonly triggers: readonly [{ readonly metadata: { readonly queueName: string } }];
  };
}

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => read(join(folder, name)));
}
