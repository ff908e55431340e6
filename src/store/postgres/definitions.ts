/** Definitions and queues: written in statements of their own, before anything that refers to them. */
import { queueName } from '../../core/message.js';
import type { Priority, QueueRow, QueueSpec } from '../../core/model.js';
import type { DefinitionRow } from '../store.js';
import type { Database } from './database.js';

/** Later than all of its name, even where the clock of the server ticks in milliseconds (PGlite's) or was set back. */
const PUT_DEFINITION = `
with now as (
  select greatest(clock_timestamp(), max(seen_at) + interval '1 microsecond') as at
  from baton.definitions where namespace = $1 and workflow = $2)
insert into baton.definitions (namespace, workflow, hash, structure, seen_at) select $1, $2, $3, $4, at from now
on conflict (namespace, workflow, hash) do update set structure = excluded.structure, seen_at = excluded.seen_at`;

export async function putDefinition(database: Database, namespace: string, definition: DefinitionRow): Promise<void> {
  const { workflow, hash, structure } = definition;
  await database.query('shared', { text: PUT_DEFINITION, values: [namespace, workflow, hash, structure] });
}

const DEFINITION = `
select workflow, hash, structure from baton.definitions
where namespace = $1 and workflow = $2 and ($3::text is null or hash = $3) order by seen_at desc limit 1`;

export async function definition(
  database: Database,
  namespace: string,
  workflow: string,
  hash: string | undefined,
): Promise<DefinitionRow | undefined> {
  const { rows } = await database.query<DefinitionRow>('shared', {
    text: DEFINITION,
    values: [namespace, workflow, hash ?? null],
  });
  return rows[0];
}

interface QueueColumns {
  key: number;
  name: string;
  workflow: string;
  hash: string;
  tags: string[];
  priority: Priority;
}

const COLUMNS = 'key, name, workflow, hash, tags, priority';
const ADD_QUEUE = `
insert into baton.queues (namespace, name, workflow, hash, tags, priority) values ($1, $2, $3, $4, $5, $6)
on conflict (name) do nothing`;
const NAMED = `select ${COLUMNS} from baton.queues where name = any($1::text[])`;
const ALL = `select ${COLUMNS} from baton.queues where namespace = $1 order by key`;

export async function ensureQueues(
  database: Database,
  namespace: string,
  specs: readonly QueueSpec[],
): Promise<QueueRow[]> {
  const names = specs.map((spec) => queueName(namespace, spec));
  for (const [i, spec] of specs.entries()) {
    const values = [namespace, names[i], spec.workflow, spec.hash, spec.tags, spec.priority];
    await database.query('shared', { text: ADD_QUEUE, values });
  }
  const { rows } = await database.query<QueueColumns>('shared', { text: NAMED, values: [names] });
  const byName = new Map(rows.map((row) => [row.name, row]));
  return names.map((name) => byName.get(name) as QueueRow);
}

export async function queues(database: Database, namespace: string): Promise<QueueRow[]> {
  const { rows } = await database.query<QueueColumns>('shared', { text: ALL, values: [namespace] });
  return rows;
}
