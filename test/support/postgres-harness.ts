/** The contract suite's hold on a real Postgres: each harness is a namespace of its own in one database. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { SessionKey } from '../../src/core/model.js';
import { PostgresStore } from '../../src/store/postgres/store.js';
import { createDatabase, type TestDatabase } from './database.js';
import type { StoreHarness } from './store-contract.js';

/** Moves every stored instant of a namespace into the past: for its rows time has passed. */
export const PASS = [
  `update baton.timers set due_at = due_at - $2::float8 * interval '1 ms' where namespace = $1`,
  `update baton.sessions set ttl_until = ttl_until - $2::float8 * interval '1 ms', started_at = started_at - $2::float8 * interval '1 ms',
     dead_at = dead_at - $2::float8 * interval '1 ms' where namespace = $1`,
  `update baton.runs set created_at = created_at - $2::float8 * interval '1 ms', finished_at = finished_at - $2::float8 * interval '1 ms'
     where namespace = $1`,
  `update baton.activations a set ready_at = a.ready_at - $2::float8 * interval '1 ms', stopped_due_at = a.stopped_due_at - $2::float8 * interval '1 ms', published_at = a.published_at - $2::float8 * interval '1 ms',
     started_at = a.started_at - $2::float8 * interval '1 ms', finished_at = a.finished_at - $2::float8 * interval '1 ms'
     from baton.runs r where r.key = a.run_key and r.namespace = $1`,
  `update baton.waits w set parked_at = w.parked_at - $2::float8 * interval '1 ms'
     from baton.runs r where r.key = w.run_key and r.namespace = $1`,
];

// The client of a session that is dead to the test is alive all the same and would take its lock back: its first act
// on a new connection fails.
const MORTALITY = `
create table if not exists abandoned_session (key bigint primary key);
create or replace function refuse_abandoned() returns trigger language plpgsql as $$
begin
  if current_setting('application_name') = 'baton session ' || new.key
    and exists (select from abandoned_session a where a.key = new.key) then
    raise exception 'session % is dead', new.key;
  end if;
  return new;
end $$;
create or replace trigger refuse_abandoned before update on baton.sessions for each row execute function refuse_abandoned()`;
const BURY = 'insert into abandoned_session values ($1) on conflict do nothing';
const KILL = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1';

/** A database of its own with the current schema, in which sessions can be killed. */
export async function createMortalDatabase(): Promise<TestDatabase> {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(MORTALITY).finally(() => client.end());
  return database;
}

export class PostgresHarness implements StoreHarness {
  readonly namespace = `test-${randomUUID().slice(0, 8)}`;
  /** What stores reported as being repaired. */
  readonly errors: Error[] = [];
  /** Connections of the test's own. */
  readonly pool: pg.Pool;

  /** @param url of a database made by `createMortalDatabase` */
  constructor(readonly url: string) {
    this.pool = new pg.Pool({ connectionString: url, max: 4 });
    this.pool.on('error', (error) => this.errors.push(error));
  }

  open(namespace = ''): Promise<PostgresStore> {
    return PostgresStore.connect({
      postgres: this.url,
      namespace: namespace === '' ? this.namespace : `${this.namespace}-${namespace}`,
      onError: (error) => this.errors.push(error),
    });
  }

  async advance(ms: number): Promise<void> {
    for (const text of PASS) await this.pool.query(text, [this.namespace, ms]);
  }

  async abandon(session: SessionKey): Promise<void> {
    await this.pool.query(BURY, [session]);
    await this.pool.query(KILL, [`baton session ${session}`]);
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
