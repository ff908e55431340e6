import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { ConnectionError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { CuttableProxy } from '../../support/cuttable-proxy.js';
import { eventually } from '../../support/eventually.js';
import { ownServices } from '../../support/own-services.js';
import { silent } from '../../support/silent.js';

// A client gives up after a second here, not after ten, and looks for results twice a second.
vi.mock('../../../src/runtime/limits.js', async (original) => {
  const { limits } = await original<{ limits: object }>();
  return { limits: { ...limits, clientRepeatMs: 1_000, resultPollMs: 500 } };
});

const inc = flow<number>('inc')
  .then('inc', (n: number) => n + 1)
  .build();

const direct = ownServices('outage');
let postgres: CuttableProxy;
let rabbitmq: CuttableProxy;
/** Its connections go through the proxies. */
let baton: Baton;
/** What the actors of its connections went through. */
let states: string[];

beforeEach(async () => {
  postgres = await proxyOf(direct.postgres, 5432);
  rabbitmq = await proxyOf(direct.rabbitmq, 5672);
  const through = { postgres: via(direct.postgres, postgres), rabbitmq: via(direct.rabbitmq, rabbitmq) };
  states = [];
  baton = await connect({ ...direct, ...through, logger: silent, inspect: { next: see } });
});

afterEach(async () => {
  await baton.close();
  await Promise.all([postgres.close(), rabbitmq.close()]);
});

function see(event: InspectionEvent): void {
  if (event.type !== '@xstate.snapshot') return;
  const { id } = event.actorRef as { id?: string };
  states.push(`${id} ${(event.snapshot as { value?: unknown }).value}`);
}

async function proxyOf(url: string, port: number): Promise<CuttableProxy> {
  const { hostname, port: given } = new URL(url);
  const proxy = new CuttableProxy(hostname, Number(given || port));
  await proxy.listen();
  return proxy;
}

function via(url: string, proxy: CuttableProxy): string {
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  return through.href;
}

async function count(namespaceOf: Baton): Promise<number> {
  let runs = 0;
  for await (const run of namespaceOf.list()) runs += run.workflow === 'inc' ? 1 : 0;
  return runs;
}

describe('while Postgres is away', () => {
  test('starts whose connection is cut again and again all arrive, each once', async () => {
    const before = await count(baton);
    const starts = baton.startMany(
      inc,
      Array.from({ length: 3_000 }, (_, i) => i),
      { id: (_, i) => `cut-${i}` },
    );
    let done = false;
    const settled = starts.finally(() => (done = true));
    let cuts = 0;
    while (!done && cuts < 12) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      postgres.cut();
      cuts++;
    }
    expect(await settled).toHaveLength(3_000);
    expect(cuts).toBeGreaterThanOrEqual(3);
    expect(await count(baton)).toBe(before + 3_000);
  });

  test('a start gives up after a bounded time with a ConnectionError, and works again afterwards', async () => {
    await baton.start(inc, 1);
    await postgres.setDown(true);
    await expect(baton.start(inc, 1)).rejects.toThrow(ConnectionError);
    expect(await baton.health()).toMatchObject({ status: 'failing', checks: { postgres: { ok: false } } });
    await postgres.setDown(false);
    expect(await (await baton.start(inc, 1)).status()).toEqual({ status: 'running' });
  });

  test('its actor says so, and that it is back', async () => {
    expect(states).toEqual(expect.arrayContaining(['Postgres connected', 'RabbitMQ connected']));
    await postgres.setDown(true);
    await baton.health();
    await eventually(() => expect(states.at(-1)).toBe('Postgres reconnecting'));
    await postgres.setDown(false);
    await eventually(async () => expect(await baton.health()).toMatchObject({ status: 'ok' }));
    expect(states.at(-1)).toBe('Postgres connected');
    await baton.close();
    expect(states.slice(-2).sort()).toEqual(['Postgres closed', 'RabbitMQ closed']);
  });

  test('whoever waits for a result goes on waiting, and gets it', async () => {
    const waiting = flow<number>('waiting').waitForSignal('go').build();
    const run = await baton.start(waiting, 1, { id: 'patient' });
    const result = run.result();
    await postgres.setDown(true);
    const helper = await connect({ ...direct, logger: silent });
    await helper.worker({ workflows: [waiting] }).start();
    await helper.run('patient').signal('go', 'at last');
    expect(await helper.run('patient').result()).toBe('at last');
    await postgres.setDown(false);
    expect(await result).toBe('at last');
    await helper.close();
  });
});

describe('while RabbitMQ is away', () => {
  test('starts are accepted, and run when a worker finds them', async () => {
    const helper = await connect({ ...direct, logger: silent });
    await helper.worker({ workflows: [inc] }).start();
    await rabbitmq.setDown(true);
    await eventually(async () => expect(await baton.health()).toMatchObject({ status: 'degraded' }), {
      what: 'the outage is seen',
    });
    const run = await baton.start(inc, 41, { id: 'unannounced' });
    expect(await run.result({ timeout: '20s' })).toBe(42);
    await helper.close();
  });
});
