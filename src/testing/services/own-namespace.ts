/** A namespace of a test's own, and taking away what the broker keeps under it. */
import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import pg from 'pg';
import { topologyOf } from '../../transport/topology.js';

/** The prefix, the time and a little chance. Throws a RangeError where that is no name: 1–64 of [A-Za-z0-9_-]. */
export function uniqueName(prefix: string): string {
  const name = `${prefix}-${Date.now().toString(36)}-${randomBytes(4).toString('hex')}`;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw new RangeError(`'${prefix}' doesn't make a valid name: '${name}' is not 1 to 64 of A-Z a-z 0-9 _ -`);
  return name;
}

/**
 * Deletes every durable queue and exchange of a namespace, with what is in them. The database says which task queues
 * there are, so this comes before it is dropped.
 */
export async function deleteQueues(amqpUrl: string, namespace: string, databaseUrl: string): Promise<void> {
  const { tasks, dead, control, events, deadQueue } = topologyOf(namespace);
  const queues = [...(await taskQueues(databaseUrl, namespace)), deadQueue];
  const connection = await connect(amqpUrl);
  try {
    const channel = await connection.createChannel();
    for (const queue of queues) await channel.deleteQueue(queue);
    for (const { name } of [tasks, dead, control, events]) await channel.deleteExchange(name);
  } finally {
    await connection.close();
  }
}

async function taskQueues(databaseUrl: string, namespace: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>('select name from baton.queues where namespace = $1', [
      namespace,
    ]);
    return rows.map((row) => row.name);
  } finally {
    await client.end();
  }
}
