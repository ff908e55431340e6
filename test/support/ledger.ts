/** The tests' side of the ledger that fixtures write (`test/fixtures/ledger.mjs`). */
import pg from 'pg';

export interface Entry {
  readonly run: string;
  readonly path: string;
  readonly task: string;
  readonly attempt: number;
  readonly pid: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

export interface Ledger {
  readonly url: string;
  entries(where?: { run?: string }): Promise<Entry[]>;
  count(): Promise<number>;
  /** The database server's clock, which the entries' instants are by. */
  now(): Promise<Date>;
  close(): Promise<void>;
}

export async function createLedger(url: string): Promise<Ledger> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  // The server may be restarted under a test: the next query opens another connection.
  pool.on('error', () => {});
  await pool.query(`create table if not exists ledger (
    execution uuid primary key, run text not null, path text not null, task text not null, attempt int not null,
    pid int not null, started_at timestamptz not null default clock_timestamp(), finished_at timestamptz)`);
  return {
    url,
    async entries({ run } = {}) {
      const { rows } = await pool.query(
        `select run, path, task, attempt, pid, started_at as "startedAt", finished_at as "finishedAt" from ledger
         where $1::text is null or run = $1 order by started_at`,
        [run ?? null],
      );
      return rows as Entry[];
    },
    async count() {
      const { rows } = await pool.query('select count(*)::int as n from ledger');
      return (rows[0] as { n: number }).n;
    },
    async now() {
      const { rows } = await pool.query('select clock_timestamp() as now');
      return (rows[0] as { now: Date }).now;
    },
    close: () => pool.end(),
  };
}

/** Entries by activation: `run path` → its executions, in order. */
export function byActivation(entries: readonly Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = `${entry.run} ${entry.path}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return groups;
}
