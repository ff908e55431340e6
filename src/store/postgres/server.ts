/**
 * Where a store's connections come from: a Postgres server on the network (`network-server.ts`), or one in this
 * process (`../pglite/`).
 */
import type pg from 'pg';

/**
 * - `lease`: commits without waiting for the disk; a lease that is lost with the server is repeated
 * - `commit`: what must be on disk before it is acknowledged
 * - `duty`: looks, sweeps, timers, heartbeats
 * - `shared`: clients, reads
 * - `task`: the transactions of tasks, as many as `task-transaction.ts` lets in; nothing about them is set for the user
 */
export type Lane = 'lease' | 'commit' | 'duty' | 'shared' | 'task';

export interface Server {
  /** For messages: where it is, without any secret. */
  readonly target: string;
  /** How to open a connection for a session's lock; undefined where whoever opened the server is alone with it. */
  readonly direct: pg.PoolConfig | undefined;
  /** Notifications of the channel in `claim.ts`; undefined where sessions have connections of their own to hear them on. */
  readonly onNotification?: (listener: (payload: string) => void) => () => void;
  /** The connections of a lane, made when first used. Throws once the server was closed. */
  pool(lane: Lane): pg.Pool;
  /** For how long a connection has been up, in ms. */
  ageOf(client: object): number;
  close(): Promise<void>;
}

/** What a server does with the trouble of connections that nobody uses at the moment. */
export type OnIdleError = (error: Error) => void;
