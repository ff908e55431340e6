import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import { ConnectionError, RunExistsError } from '../../../src/core/errors.js';
import { flow } from '../../../src/core/flow.js';
import { eventually } from '../../support/eventually.js';
import { ownServices } from '../../support/own-services.js';

const inc = flow<number>('inc')
  .then('inc', (n: number) => n + 1)
  .build();

const services = ownServices('client');
let observer: pg.Pool;

beforeAll(async () => {
  observer = new pg.Pool({ connectionString: services.postgres, max: 1, application_name: 'observer' });
});

afterAll(async () => {
  await observer.end();
});

async function connections(): Promise<number> {
  const { rows } = await observer.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name <> 'observer'`,
  );
  return rows[0]?.n ?? 0;
}

describe('connecting', () => {
  test('where the broker is away, the connection to the database is closed again', async () => {
    await expect(connect({ ...services, rabbitmq: 'amqp://127.0.0.1:1' })).rejects.toThrow(ConnectionError);
    await eventually(async () => expect(await connections()).toBe(0), { what: 'the connections are gone' });
  });

  test('a pg Pool lends its settings and stays the caller’s', async () => {
    const pool = new pg.Pool({ connectionString: services.postgres, max: 1 });
    const baton = await connect({ ...services, postgres: pool });
    expect(await baton.health()).toMatchObject({ status: 'ok' });
    await baton.close();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
    await eventually(async () => expect(await connections()).toBe(0), { what: 'the connections are gone' });
  });
});

describe('two processes', () => {
  test('of 100 concurrent starts of one id exactly one wins', async () => {
    const batons = await Promise.all([connect(services), connect(services)]);
    const starts = Array.from({ length: 100 }, (_, i) => batons[i % 2]?.start(inc, i, { id: 'one' }));
    const settled = await Promise.allSettled(starts);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of settled)
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(RunExistsError);
    await Promise.all(batons.map((baton) => baton.close()));
  });

  test('the starter is told of the end by the broker, long before anybody would look', async () => {
    const [starter, other] = await Promise.all([connect(services), connect(services)]);
    const worker = other.worker({ workflows: [inc] });
    await worker.start();
    const runs = await starter.startMany(
      inc,
      Array.from({ length: 500 }, (_, i) => i),
    );
    const outputs = await Promise.all(runs.map((run) => run.result({ timeout: '4s' })));
    expect(outputs).toEqual(runs.map((_, i) => i + 1));
    await Promise.all([starter.close(), other.close()]);
    await worker.finished;
  });
});
