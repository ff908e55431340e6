/**
 * What whoever opens an embedded Postgres does first. Nobody else can have it open, so every session that wasn't
 * closed is dead; and the queues were in memory, so every ready row is owed its message.
 */
import type { Database } from './database.js';

// The sweep takes leases back and publishes what the dead had written; what others wrote looks lost at once.
const RECLAIM = `
with dead as (
  update baton.sessions set dead_at = clock_timestamp() where closed_at is null and dead_at is null)
update baton.activations set published_at = to_timestamp(0), repeats = 0 where live and state = 'ready'`;

export async function reclaim(database: Database): Promise<void> {
  await database.query('shared', { text: RECLAIM });
}
