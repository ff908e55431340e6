/**
 * Forces an order on statements that race: a transaction of the test's own holds a row that they need, they queue up
 * behind it one by one, and then it lets go.
 */
import pg from 'pg';
import { expect } from 'vitest';

const WAITING = `
select application_name as name from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and application_name like 'baton%'`;

export class Obstacle {
  private constructor(
    private readonly holder: pg.Client,
    private readonly watcher: pg.Client,
  ) {}

  /** @param text a statement whose locks are held until `clear` */
  static async set(url: string, text: string, values: readonly unknown[]): Promise<Obstacle> {
    const holder = new pg.Client({ connectionString: url, application_name: 'obstacle' });
    const watcher = new pg.Client({ connectionString: url, application_name: 'watcher' });
    await Promise.all([holder.connect(), watcher.connect()]);
    await holder.query('begin');
    const { rowCount } = await holder.query(text, [...values]);
    if (rowCount !== 1) throw new Error('the obstacle stands in nobody’s way');
    return new Obstacle(holder, watcher);
  }

  /** Resolves when this many of Baton's statements wait for a lock. */
  async stops(count: number): Promise<void> {
    const waiting = async () => (await this.watcher.query(WAITING)).rows.length;
    await expect.poll(waiting, { timeout: 5_000, interval: 5 }).toBe(count);
  }

  async clear(): Promise<void> {
    await this.holder.query('rollback');
    await Promise.all([this.holder.end(), this.watcher.end()]);
  }
}

/**
 * Starts these one after the other, each only when the one before waits in line, and lets them go all at once.
 * Answers with their results, in their order.
 */
export async function inLine<const T extends readonly (() => Promise<unknown>)[]>(
  obstacle: Obstacle,
  steps: T,
): Promise<{ [K in keyof T]: Awaited<ReturnType<T[K]>> }> {
  const running: Promise<unknown>[] = [];
  try {
    for (const step of steps) {
      running.push(step());
      await obstacle.stops(running.length);
    }
  } finally {
    await obstacle.clear();
    await Promise.allSettled(running);
  }
  return (await Promise.all(running)) as { [K in keyof T]: Awaited<ReturnType<T[K]>> };
}
