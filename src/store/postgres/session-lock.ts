/**
 * The session's own connection, which holds its advisory lock: when the process dies the operating system closes
 * the socket, Postgres frees the lock, and whoever looks at `pg_locks` sees it within moments. (Probing by taking
 * the lock would steal it.)
 *
 * After an interruption the first act on a new connection is to renew the TTL, and then the lock is asked for
 * every half second, for the old backend may hold it until it notices that its client is gone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { SessionKey } from '../../core/model.js';
import { LISTEN } from './claim.js';

/** First half of the advisory lock's key; the second is the session's own. */
const CLASS = 0x62746f6e;
const RETRY_MS = 500;

/** Whether nobody holds a session's lock, though its owner once did (alias of baton.sessions). */
export const lockIsFree = (s: string): string => `(${s}.locked and not exists (
  select from pg_locks l
  where l.locktype = 'advisory' and l.classid = ${CLASS} and l.objid = ${s}.key::int::oid and l.objsubid = 2 and l.granted
    and l.database = (select oid from pg_database where datname = current_database())))`;

const RENEW = `
update baton.sessions set ttl_until = greatest(ttl_until, clock_timestamp() + $2 * interval '1 millisecond')
where key = $1 and dead_at is null`;
const TAKE = `select pg_try_advisory_lock(${CLASS}, $1::int) as taken`;
const NOTE = 'update baton.sessions set locked = true where key = $1 and not locked';

export class SessionLock {
  #client: pg.Client | undefined;
  #closed = false;
  #listeners = new Set<() => void>();
  #loop: Promise<void> | undefined;
  #stop = new AbortController();
  locked = false;

  constructor(
    private readonly config: pg.PoolConfig,
    private readonly session: SessionKey,
    /** What a renewal after an interruption grants at least; heartbeats may have granted more by now. */
    private readonly ttlMs: number,
    private readonly onError: (error: Error) => void,
    private readonly onNotification: (payload: string) => void,
  ) {}

  /** Takes the lock for the first time; rejects when the server can't be reached. */
  async open(): Promise<void> {
    const { lost } = await this.#connect();
    this.#loop = this.#keep(lost);
  }

  onInterrupted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    await this.#client?.end().catch(this.onError);
    await this.#loop;
  }

  /** Connects, renews, takes the lock; `lost` resolves when the connection is gone. */
  async #connect(): Promise<{ lost: Promise<void> }> {
    const client = new pg.Client({ ...this.config, application_name: `baton session ${this.session}` });
    const lost = new Promise<void>((resolve) => client.once('end', () => resolve()));
    client.on('error', this.onError);
    client.on('notification', ({ payload = '' }) => this.onNotification(payload));
    await client.connect();
    this.#client = client;
    try {
      await client.query(RENEW, [this.session, this.ttlMs]);
      await this.#take(client);
      await client.query(NOTE, [this.session]);
      await client.query(LISTEN);
    } catch (error) {
      await client.end().catch(this.onError);
      throw error;
    }
    this.locked = true;
    return { lost };
  }

  async #take(client: pg.Client): Promise<void> {
    for (;;) {
      const { rows } = await client.query<{ taken: boolean }>(TAKE, [this.session]);
      if (rows[0]?.taken || this.#closed) return;
      await this.#pause();
    }
  }

  async #keep(lost: Promise<void>): Promise<void> {
    let connection: { lost: Promise<void> } | undefined = { lost };
    while (!this.#closed) {
      await connection?.lost;
      if (this.#closed) return;
      connection = await this.#reconnect();
    }
  }

  async #reconnect(): Promise<{ lost: Promise<void> } | undefined> {
    try {
      const connection = await this.#connect();
      for (const listener of this.#listeners) listener();
      return connection;
    } catch (error) {
      this.onError(error as Error);
      await this.#pause();
      return undefined;
    }
  }

  async #pause(): Promise<void> {
    await sleep(RETRY_MS, undefined, { signal: this.#stop.signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  }
}
